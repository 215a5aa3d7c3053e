// What a sign-in page needs of a browser to use security keys and passkeys
// (W3C Web Authentication, Level 3).
//
// A form of a flow carries the options of a ceremony in one field, as JSON. The
// functions below hand them to the browser, write its answer as JSON into another
// field, and submit the form. In JSON all bytes are base64url without padding.
//
// A page loads the script from the form's script node, and calls what a node names
// in onclickTrigger or onloadTrigger, or has in onclick or onload. When it may, it
// hears the event "oryWebAuthnInitialized".
(function () {
  'use strict'

  if (window.__oryWebAuthnInitialized || !window.PublicKeyCredential) {
    return
  }

  function decode(text) {
    const binary = atob(text.replace(/-/g, '+').replace(/_/g, '/'))
    return Uint8Array.from(binary, (c) => c.charCodeAt(0))
  }

  function encode(buffer) {
    const binary = Array.from(new Uint8Array(buffer), (b) => String.fromCharCode(b)).join('')
    return btoa(binary).replace(/\+/g, '-').replace(/\//g, '_').replace(/=/g, '')
  }

  // decoded is a copy of an object in which a member is bytes.
  function decoded(object, name) {
    return Object.assign({}, object, { [name]: decode(object[name]) })
  }

  // publicKeyOf gives the options of a ceremony as the browser takes them. The
  // object itself stays as it is, for the next try.
  function publicKeyOf(options) {
    const publicKey = decoded(options.publicKey, 'challenge')
    if (publicKey.user) {
      publicKey.user = decoded(publicKey.user, 'id')
    }
    for (const list of ['allowCredentials', 'excludeCredentials']) {
      if (publicKey[list]) {
        publicKey[list] = publicKey[list].map((credential) => decoded(credential, 'id'))
      }
    }
    return publicKey
  }

  // answer is a credential as JSON: its response has the members that are named.
  // One that is null, as the user handle of a key may be, becomes empty.
  function answer(credential, members) {
    const response = {}
    for (const name of members) {
      response[name] = encode(credential.response[name])
    }
    return JSON.stringify({ id: credential.id, rawId: encode(credential.rawId), type: credential.type, response })
  }

  async function create(options) {
    const credential = await navigator.credentials.create({ publicKey: publicKeyOf(options) })
    return answer(credential, ['attestationObject', 'clientDataJSON'])
  }

  // get asks for an assertion. more says how, if not in a dialog.
  async function get(options, more) {
    const credential = await navigator.credentials.get(Object.assign({ publicKey: publicKeyOf(options) }, more))
    return answer(credential, ['authenticatorData', 'clientDataJSON', 'signature', 'userHandle'])
  }

  function named(name) {
    return '*[name="' + name + '"]'
  }

  function find(selector) {
    const element = document.querySelector(selector)
    if (!element) {
      throw new Error('This page has no element ' + selector + '.')
    }
    return element
  }

  function read(selector) {
    return JSON.parse(find(selector).value)
  }

  // submit sends the form that an element, mostly a field, belongs to.
  function submit(element) {
    const form = element.form || element.closest('form')
    form.submit()
  }

  // settled ends together with the last request for autofill, however that ends.
  let settled = Promise.resolve()

  // A browser answers one request at a time, so the one for autofill, which can
  // wait for ever, has to be gone before another begins.
  function stopAutofill() {
    if (window.abortPasskeyConditionalUI) {
      window.abortPasskeyConditionalUI.abort()
    }
    return settled
  }

  // autofill lets the browser offer passkeys in the field for the identifier
  // (section 5.1.4, conditional mediation). Where that cannot be it does nothing.
  function autofill() {
    const before = stopAutofill()
    const controller = new AbortController()
    window.abortPasskeyConditionalUI = controller
    settled = offer(before, controller.signal).catch((error) => {
      if (!controller.signal.aborted) {
        console.error(error)
      }
    })
    return settled
  }

  async function offer(before, signal) {
    await before
    const available = PublicKeyCredential.isConditionalMediationAvailable
    const result = document.querySelector(named('passkey_login'))
    if (!available || !result || !document.querySelector(named('identifier'))) {
      return
    }
    if (!(await available.call(PublicKeyCredential)) || signal.aborted) {
      return
    }
    result.value = await get(read(named('passkey_challenge')), { mediation: 'conditional', signal })
    submit(result)
  }

  // run goes through a ceremony that somebody asked for: what ask gives is written
  // into the field result, and the form of owner is submitted. After an error, of
  // which tell tells them, autofill goes on where there is any.
  async function run(ask, result, owner, tell) {
    try {
      const field = find(result)
      const element = find(owner)
      await stopAutofill()
      field.value = await ask()
      submit(element)
    } catch (error) {
      tell(error)
      autofill()
    }
  }

  // A key's ceremony takes options from the page, if they are any: a page may have
  // made the function a listener, which is given an event.
  function withKey(ask, options, result, trigger) {
    const given = options && options.publicKey
    return run(() => ask(given ? options : read(trigger)), result, trigger, (error) => window.alert(error))
  }

  function withPasskey(ask, result) {
    return run(ask, result, result, (error) => console.error(error))
  }

  // userName is what somebody has typed into the first of the fields that is not
  // empty: how browsers will call the passkey.
  function userName(data) {
    for (const name of data.displayNameFieldNames || [data.displayNameFieldName]) {
      for (const field of document.getElementsByName(name)) {
        if (field.value) {
          return field.value
        }
      }
    }
    return ''
  }

  window.oryWebAuthnLogin = function (
    options,
    resultSelector = named('webauthn_login'),
    triggerSelector = named('webauthn_login_trigger')
  ) {
    return withKey(get, options, resultSelector, triggerSelector)
  }

  window.oryWebAuthnRegistration = function (
    options,
    resultSelector = named('webauthn_register'),
    triggerSelector = named('webauthn_register_trigger')
  ) {
    return withKey(create, options, resultSelector, triggerSelector)
  }

  window.oryPasskeyLogin = function () {
    return withPasskey(() => get(read(named('passkey_challenge'))), named('passkey_login'))
  }

  window.oryPasskeyLoginAutocompleteInit = autofill

  window.oryPasskeyRegistration = function () {
    return withPasskey(() => {
      const data = read(named('passkey_create_data'))
      const user = data.credentialOptions.publicKey.user
      const name = userName(data)
      if (name) {
        Object.assign(user, { name, displayName: name })
      }
      return create(data.credentialOptions)
    }, named('passkey_register'))
  }

  window.oryPasskeySettingsRegistration = function () {
    return withPasskey(() => create(read(named('passkey_create_data'))), named('passkey_settings_register'))
  }

  // Older pages know the same functions by names with two underscores.
  window.__oryWebAuthnLogin = window.oryWebAuthnLogin
  window.__oryWebAuthnRegistration = window.oryWebAuthnRegistration
  window.__oryPasskeyLogin = window.oryPasskeyLogin
  window.__oryPasskeyLoginAutocompleteInit = window.oryPasskeyLoginAutocompleteInit
  window.__oryPasskeyRegistration = window.oryPasskeyRegistration
  window.__oryPasskeySettingsRegistration = window.oryPasskeySettingsRegistration

  window.__oryWebAuthnInitialized = true
  window.dispatchEvent(new CustomEvent('oryWebAuthnInitialized'))
})()
