// What the account pages do with JavaScript. All of it but security keys and passkeys is
// comfort: the pages work without.
(function () {
  'use strict'
  const all = (selector, act) => document.querySelectorAll(selector).forEach(act)

  // A field that another form repeats is typed once: the copies follow it.
  function source(copy) {
    return Array.from(document.getElementsByName(copy.name)).find((field) => field !== copy && field.type !== 'hidden' && !field.closest('.mirrored'))
  }
  all('.mirrored :is(input, select)', (copy) => {
    if (source(copy)) {
      copy.dataset.required = copy.required ? 'yes' : ''
      copy.required = false
    }
  })
  document.addEventListener('submit', (event) => {
    const form = event.target
    for (const copy of form.querySelectorAll('.mirrored :is(input, select)')) {
      const from = source(copy)
      if (!from) {
        continue
      }
      if (!from.reportValidity()) {
        event.preventDefault()
        return
      }
      copy.value = from.value
      copy.checked = from.checked
    }
    // Security keys and passkeys: the function sends the form when it has its answer.
    const button = event.submitter || form.querySelector('[data-call]')
    const call = button && button.dataset.call
    if (call) {
      event.preventDefault()
      if (typeof window[call] === 'function') {
        window[call]()
      }
    }
  })
  // Someone who follows the list of what is wrong to a copy ends at the field itself.
  document.addEventListener('click', (event) => {
    const link = event.target.closest('#errors a[href^="#"]')
    const field = link && document.getElementById(link.hash.slice(1))
    const from = field && field.closest('.mirrored') ? source(field) : field
    if (from) {
      event.preventDefault()
      from.focus()
    }
  })

  // What a form asks for as soon as it is there.
  const load = () => all('[data-load]', (field) => {
    const call = window[field.dataset.load]
    if (typeof call === 'function') {
      call()
    }
  })
  if (window.__oryWebAuthnInitialized) {
    load()
  } else {
    window.addEventListener('oryWebAuthnInitialized', load, { once: true })
  }
  // A browser without WebAuthn has no use for its buttons.
  if (!window.PublicKeyCredential) {
    document.documentElement.classList.remove('js')
  }

  // Passwords can be looked at.
  all('[data-reveal]', (button) => {
    const field = document.getElementById(button.dataset.reveal)
    const text = button.querySelector('span')
    const labels = [text.textContent, button.dataset.hide]
    button.addEventListener('click', () => {
      const shown = field.type === 'password'
      field.type = shown ? 'text' : 'password'
      text.textContent = labels[shown ? 1 : 0]
    })
    field.form.addEventListener('submit', () => { field.type = 'password' })
  })

  // Codes and secrets can be copied and printed.
  all('[data-copy]', (button) => {
    const label = button.textContent
    button.addEventListener('click', async () => {
      try {
        await navigator.clipboard.writeText(button.dataset.copy)
        button.textContent = button.dataset.done
        setTimeout(() => { button.textContent = label }, 4000)
      } catch { /* a browser that does not let us leaves the text to be selected */ }
    })
  })
  all('[data-print]', (button) => button.addEventListener('click', () => window.print()))

  // Something that was just sent takes a moment to arrive.
  all('[data-wait]', (button) => {
    const text = button.querySelector('span')
    const label = text.textContent
    let left = Number(button.dataset.wait)
    const stop = (event) => event.preventDefault()
    button.setAttribute('aria-disabled', 'true')
    button.addEventListener('click', stop)
    const tick = () => {
      if (left <= 0) {
        text.textContent = label
        button.removeAttribute('aria-disabled')
        button.removeEventListener('click', stop)
        clearInterval(timer)
        return
      }
      text.textContent = label + ' (' + left + ')'
      left--
    }
    const timer = setInterval(tick, 1000)
    tick()
  })
})()
