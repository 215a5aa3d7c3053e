package ui

// The ids of all messages. They are part of the wire: programs branch on them
// and translate by them. The first digit is the type (1 information or
// success, 4 what a person can mend, 5 what only the operator can), the next
// two the flow. The names say where a message stands: Label on a node, Info
// and Success above the form or in a text node, Error wherever it went wrong.
//
// The round numbers that only open a range (1010000, 4000000 and so on) are
// never sent and have no name.
const (
	// Login.
	LabelSignInRefresh      = 1010001
	LabelSignInWith         = 1010002
	InfoReauthenticate      = 1010003
	InfoSecondFactor        = 1010004
	InfoSignInVerify        = 1010005 // not sent
	LabelSignInTOTP         = 1010006
	LabelSignInLookup       = 1010007
	LabelSignInWebAuthn     = 1010008
	LabelSignInTOTPSubmit   = 1010009
	LabelSignInLookupSubmit = 1010010
	LabelSignInWebAuthnOld  = 1010011 // not sent
	InfoSignInWebAuthn      = 1010012
	LabelSignInContinue     = 1010013
	InfoSignInCodeSent      = 1010014
	LabelSignInCode         = 1010015
	InfoSignInLink          = 1010016
	LabelSignInAndLink      = 1010017
	LabelSignInWithAndLink  = 1010018
	LabelSignInCodeMFA      = 1010019 // not sent
	InfoSignInCodeMFAHint   = 1010020 // not sent
	LabelSignInPasskey      = 1010021
	LabelSignIn             = 1010022
	LabelSignInCodeTo       = 1010023
	LabelSignInDevice       = 1010024 // not sent
	InfoSignInCodeSentAgain = 1010025

	// Registration.
	LabelSignUp            = 1040001
	LabelSignUpWith        = 1040002
	LabelSignUpContinue    = 1040003
	LabelSignUpWebAuthn    = 1040004
	InfoSignUpCodeSent     = 1040005
	LabelSignUpCode        = 1040006
	LabelSignUpPasskey     = 1040007
	LabelSignUpBack        = 1040008
	InfoSignUpChooseMethod = 1040009

	// Settings.
	SuccessSettings       = 1050001
	LabelLinkProvider     = 1050002
	LabelUnlinkProvider   = 1050003
	LabelUnlinkTOTP       = 1050004
	LabelTOTPImage        = 1050005
	InfoTOTPSecret        = 1050006
	LabelRevealLookup     = 1050007
	LabelRegenerateLookup = 1050008
	InfoLookupSecret      = 1050009
	LabelLookupSecrets    = 1050010
	LabelConfirmLookup    = 1050011
	LabelAddWebAuthn      = 1050012
	LabelWebAuthnName     = 1050013
	InfoLookupSecretUsed  = 1050014
	InfoLookupSecrets     = 1050015
	LabelDisableLookup    = 1050016
	LabelTOTPSecret       = 1050017
	LabelRemoveWebAuthn   = 1050018
	LabelAddPasskey       = 1050019
	LabelRemovePasskey    = 1050020
	LabelRemoveDevice     = 1050021 // not sent
	InfoDeviceNonce       = 1050022 // not sent
	InfoManaged           = 1050023

	// Recovery.
	SuccessRecovery         = 1060001
	InfoRecoveryLinkSent    = 1060002
	InfoRecoveryCodeSent    = 1060003
	InfoRecoveryCodeSentTo  = 1060004
	InfoRecoveryFullAddress = 1060005
	InfoRecoveryChoose      = 1060006
	LabelRecoveryBack       = 1060007
	InfoUndoAddress         = 1069001 // ours
	LabelUndoAddress        = 1069002 // ours

	// Nodes of several flows.
	LabelMaskedAddress    = 1070000
	LabelPassword         = 1070001
	LabelGenerated        = 1070002
	LabelSave             = 1070003
	LabelIdentifier       = 1070004
	LabelSubmit           = 1070005 // not sent
	LabelVerifyTOTP       = 1070006
	LabelEmail            = 1070007
	LabelResend           = 1070008
	LabelContinue         = 1070009
	LabelRecoveryCode     = 1070010
	LabelVerificationCode = 1070011
	LabelRegistrationCode = 1070012
	LabelLoginCode        = 1070013
	LabelLinkCredential   = 1070014 // not sent
	LabelCaptcha          = 1070015 // not sent
	LabelRecoveryAddress  = 1070016
	LabelPhone            = 1070017
	LabelEmailOrPhone     = 1070018

	// Verification.
	InfoVerificationLinkSent = 1080001
	SuccessVerification      = 1080002
	InfoVerificationCodeSent = 1080003
	InfoVerificationSMSSent  = 1080004
	SuccessVerificationPhone = 1080005
)

// What is wrong with a value or a credential.
const (
	ErrorGeneric            = 4000001
	ErrorRequired           = 4000002
	ErrorMinLength          = 4000003
	ErrorPattern            = 4000004
	ErrorPasswordPolicy     = 4000005
	ErrorInvalidCredentials = 4000006
	ErrorDuplicate          = 4000007
	ErrorVerifierWrong      = 4000008 // a code from an app, a security key or a passkey
	ErrorIdentifierMissing  = 4000009
	ErrorAddressUnverified  = 4000010
	ErrorNoTOTP             = 4000011
	ErrorLookupUsed         = 4000012
	ErrorNoWebAuthn         = 4000013
	ErrorNoLookup           = 4000014
	ErrorNoKeyUser          = 4000015
	ErrorLookupWrong        = 4000016
	ErrorMaxLength          = 4000017
	ErrorMinimum            = 4000018
	ErrorExclusiveMinimum   = 4000019
	ErrorMaximum            = 4000020
	ErrorExclusiveMaximum   = 4000021
	ErrorMultipleOf         = 4000022
	ErrorMaxItems           = 4000023
	ErrorMinItems           = 4000024
	ErrorUniqueItems        = 4000025
	ErrorWrongType          = 4000026
	ErrorDuplicateOnLink    = 4000027
	ErrorDuplicateWithHints = 4000028
	ErrorConst              = 4000029
	ErrorConstGeneric       = 4000030
	ErrorPasswordTooSimilar = 4000031
	ErrorPasswordMinLength  = 4000032
	ErrorPasswordMaxLength  = 4000033
	ErrorPasswordBreached   = 4000034
	ErrorNoCodeUser         = 4000035
	ErrorTraitsChanged      = 4000036
	ErrorAccountNotFound    = 4000037
	ErrorCaptcha            = 4000038 // not sent
	ErrorPasswordUnchanged  = 4000039
	ErrorEmail              = 4000040
	ErrorPhone              = 4000041
	ErrorNoDevice           = 4000042 // not sent
	ErrorWebAuthnWrong      = 4000043
	ErrorDeviceWrong        = 4000044 // not sent
	ErrorDeviceRelaxed      = 4000045 // not sent
	ErrorDeviceOld          = 4000046 // not sent
)

// What went wrong with a flow.
const (
	ErrorLoginExpired             = 4010001
	ErrorLoginNoMethod            = 4010002
	ErrorRegistrationNoMethod     = 4010003
	ErrorSettingsNoMethod         = 4010004
	ErrorRecoveryNoMethod         = 4010005
	ErrorVerificationNoMethod     = 4010006
	ErrorLoginDone                = 4010007 // not sent
	ErrorLoginCode                = 4010008
	ErrorLoginLinkMismatch        = 4010009
	ErrorLoginAddressUnknown      = 4010010
	ErrorIdentityDisabled         = 4010011
	ErrorRegistrationExpired      = 4040001
	ErrorRegistrationDone         = 4040002 // not sent
	ErrorRegistrationCode         = 4040003
	ErrorSettingsExpired          = 4050001
	ErrorSettingsTooManyAddresses = 4050002
	ErrorRecoveryDone             = 4060001
	ErrorRecoveryState            = 4060002
	ErrorRecoveryTokenMissing     = 4060003 // not sent
	ErrorRecoveryToken            = 4060004
	ErrorRecoveryExpired          = 4060005
	ErrorRecoveryCode             = 4060006
	ErrorVerificationToken        = 4070001
	ErrorVerificationDone         = 4070002
	ErrorVerificationState        = 4070003
	ErrorVerificationTokenMissing = 4070004 // not sent
	ErrorVerificationExpired      = 4070005
	ErrorVerificationCode         = 4070006

	ErrorSystem               = 5000001
	ErrorSystemNoMethods      = 5000002 // not sent
	ErrorSystemNoOrganization = 5000003 // not sent
)

// entry is a message before its placeholders are filled in.
type entry struct {
	kind string
	text string
}

// catalogue is the one table of messages. It is never changed.
var catalogue = map[int]entry{
	LabelSignInRefresh:      {Info, "Confirm that it is you"},
	LabelSignInWith:         {Info, "Sign in with {provider}"},
	InfoReauthenticate:      {Info, "Please confirm that it is you by signing in again."},
	InfoSecondFactor:        {Info, "Please complete the second step of your sign-in."},
	InfoSignInVerify:        {Info, "Please confirm that it is you."},
	LabelSignInTOTP:         {Info, "Code from your authenticator app"},
	LabelSignInLookup:       {Info, "Backup code"},
	LabelSignInWebAuthn:     {Info, "Use your security key"},
	LabelSignInTOTPSubmit:   {Info, "Use your authenticator app"},
	LabelSignInLookupSubmit: {Info, "Use a backup code"},
	LabelSignInWebAuthnOld:  {Info, "Continue with your security key"},
	InfoSignInWebAuthn:      {Info, "Get your security key or device ready, then continue."},
	LabelSignInContinue:     {Info, "Continue"},
	InfoSignInCodeSent:      {Info, "We have sent you a code. Enter it below to sign in. If it does not arrive, check the address and ask for a new one."},
	LabelSignInCode:         {Info, "Send a sign-in code"},
	InfoSignInLink:          {Info, "{duplicateIdentifier} already belongs to an account. Sign in to it to connect {provider}."},
	LabelSignInAndLink:      {Info, "Sign in and connect"},
	LabelSignInWithAndLink:  {Info, "Sign in with {provider} and connect"},
	LabelSignInCodeMFA:      {Info, "Send a code"},
	InfoSignInCodeMFAHint:   {Info, "We will send a code to your address."},
	LabelSignInPasskey:      {Info, "Sign in with a passkey"},
	LabelSignIn:             {Info, "Sign in with your password"},
	LabelSignInCodeTo:       {Info, "Send a code to {address}"},
	LabelSignInDevice:       {Info, "Sign in with this device"},
	InfoSignInCodeSentAgain: {Info, "We have sent you a code. Enter it below to confirm that it is you."},

	LabelSignUp:            {Info, "Sign up"},
	LabelSignUpWith:        {Info, "Sign up with {provider}"},
	LabelSignUpContinue:    {Info, "Continue"},
	LabelSignUpWebAuthn:    {Info, "Sign up with a security key"},
	InfoSignUpCodeSent:     {Info, "We have sent you a code. Enter it below to finish. If it does not arrive, check the address and ask for a new one."},
	LabelSignUpCode:        {Info, "Sign up with a code"},
	LabelSignUpPasskey:     {Info, "Sign up with a passkey"},
	LabelSignUpBack:        {Info, "Back"},
	InfoSignUpChooseMethod: {Info, "Choose how you want to sign in from now on."},

	SuccessSettings:       {Success, "Your changes are saved."},
	LabelLinkProvider:     {Info, "Connect {provider}"},
	LabelUnlinkProvider:   {Info, "Disconnect {provider}"},
	LabelUnlinkTOTP:       {Info, "Remove the authenticator app"},
	LabelTOTPImage:        {Info, "Scan this image with your authenticator app"},
	InfoTOTPSecret:        {Info, "{secret}"},
	LabelRevealLookup:     {Info, "Show the backup codes"},
	LabelRegenerateLookup: {Info, "Make new backup codes"},
	InfoLookupSecret:      {Info, "{secret}"},
	LabelLookupSecrets:    {Info, "Backup codes: keep them in a safe place. Each of them works once."},
	LabelConfirmLookup:    {Info, "I have kept these backup codes"},
	LabelAddWebAuthn:      {Info, "Add a security key"},
	LabelWebAuthnName:     {Info, "Name of the security key"},
	InfoLookupSecretUsed:  {Info, "used"},
	InfoLookupSecrets:     {Info, "{secrets}"},
	LabelDisableLookup:    {Info, "Remove the backup codes"},
	LabelTOTPSecret:       {Info, "Or type this secret into your authenticator app"},
	LabelRemoveWebAuthn:   {Info, "Remove the security key “{display_name}”"},
	LabelAddPasskey:       {Info, "Add a passkey"},
	LabelRemovePasskey:    {Info, "Remove the passkey “{display_name}”"},
	LabelRemoveDevice:     {Info, "Remove this device"},
	InfoDeviceNonce:       {Info, "Challenge for this device"},
	InfoManaged:           {Info, "Your organisation manages this account. Ask its administrators for changes."},

	SuccessRecovery:         {Success, "You are back in your account. Set a new password or another way to sign in now, before your access ends."},
	InfoRecoveryLinkSent:    {Info, "If this address belongs to an account, a message with a link is on its way. Open the link to get back in."},
	InfoRecoveryCodeSent:    {Info, "If this address belongs to an account, a message with a code is on its way. Enter the code below. If it does not arrive, check the address and ask for a new one."},
	InfoRecoveryCodeSentTo:  {Info, "If {masked_address} belongs to an account, a message with a code is on its way. Enter the code below."},
	InfoRecoveryFullAddress: {Info, "Type the whole address, so that we know it is yours."},
	InfoRecoveryChoose:      {Info, "Where shall we send the code?"},
	LabelRecoveryBack:       {Info, "Back"},

	InfoUndoAddress:       {Info, "The address of your account was changed. If that was not you, take it back: your former address is restored, everybody is signed out, and you choose a new password."},
	LabelUndoAddress:      {Info, "Take back my account"},
	LabelMaskedAddress:    {Info, "{masked_address}"},
	LabelPassword:         {Info, "Password"},
	LabelGenerated:        {Info, "{title}"},
	LabelSave:             {Info, "Save"},
	LabelIdentifier:       {Info, "Sign-in name"},
	LabelSubmit:           {Info, "Send"},
	LabelVerifyTOTP:       {Info, "Code from your authenticator app"},
	LabelEmail:            {Info, "E-mail"},
	LabelResend:           {Info, "Send a new code"},
	LabelContinue:         {Info, "Continue"},
	LabelRecoveryCode:     {Info, "Recovery code"},
	LabelVerificationCode: {Info, "Verification code"},
	LabelRegistrationCode: {Info, "Sign-up code"},
	LabelLoginCode:        {Info, "Sign-in code"},
	LabelLinkCredential:   {Info, "Sign in and connect"},
	LabelCaptcha:          {Info, "Please show that you are not a robot"},
	LabelRecoveryAddress:  {Info, "E-mail or phone number of your account"},
	LabelPhone:            {Info, "Phone number"},
	LabelEmailOrPhone:     {Info, "E-mail or phone number"},

	InfoVerificationLinkSent: {Info, "A message with a link is on its way to this address. Open the link to confirm it."},
	SuccessVerification:      {Success, "Your address is confirmed."},
	InfoVerificationCodeSent: {Info, "A message with a code is on its way to this address. Enter the code below. If it does not arrive, check the address and ask for a new one."},
	InfoVerificationSMSSent:  {Info, "A text message with a code is on its way to this number. Enter the code below. If it does not arrive, check the number and ask for a new one."},
	SuccessVerificationPhone: {Success, "Your phone number is confirmed."},

	ErrorGeneric:            {Error, "{reason}"},
	ErrorRequired:           {Error, "Please fill in {property}."},
	ErrorMinLength:          {Error, "This is too short: {actual_length} characters, at least {min_length} are needed."},
	ErrorPattern:            {Error, "This does not have the expected form: {pattern}"},
	ErrorPasswordPolicy:     {Error, "This password cannot be used: {reason}"},
	ErrorInvalidCredentials: {Error, "That did not match. Check the sign-in name and the password for typing mistakes, also upper and lower case."},
	ErrorDuplicate:          {Error, "There is an account with these details already. Sign in to it, or recover it if you have lost access."},
	ErrorVerifierWrong:      {Error, "That could not be confirmed. Use a current code from your app, or a security key or passkey of this account, and try again."},
	ErrorIdentifierMissing:  {Error, "There is nothing to sign in with yet. Fill in an e-mail address or another sign-in name."},
	ErrorAddressUnverified:  {Error, "This address is not confirmed yet. Open the message we sent you, then sign in."},
	ErrorNoTOTP:             {Error, "This account has no authenticator app. Choose another way."},
	ErrorLookupUsed:         {Error, "This backup code was used before. Take another one."},
	ErrorNoWebAuthn:         {Error, "This account has no security key. Choose another way."},
	ErrorNoLookup:           {Error, "This account has no backup codes. Choose another way."},
	ErrorNoKeyUser:          {Error, "This security key or passkey belongs to no account here, or the account has none. Check the sign-in name, or choose another way."},
	ErrorLookupWrong:        {Error, "This is not one of your backup codes. Check it for typing mistakes."},
	ErrorMaxLength:          {Error, "This is too long: {actual_length} characters, at most {max_length} are allowed."},
	ErrorMinimum:            {Error, "{actual} is too small. It must be at least {minimum}."},
	ErrorExclusiveMinimum:   {Error, "{actual} is too small. It must be more than {minimum}."},
	ErrorMaximum:            {Error, "{actual} is too large. It must be at most {maximum}."},
	ErrorExclusiveMaximum:   {Error, "{actual} is too large. It must be less than {maximum}."},
	ErrorMultipleOf:         {Error, "{actual} is not a multiple of {base}."},
	ErrorMaxItems:           {Error, "These are too many entries: {actual_items}, at most {max_items} are allowed."},
	ErrorMinItems:           {Error, "These are too few entries: {actual_items}, at least {min_items} are needed."},
	ErrorUniqueItems:        {Error, "Two entries are the same, at positions {index_a} and {index_b} counted from 0."},
	ErrorWrongType:          {Error, "This is of the wrong type: it is {actual_type}, but must be {allowed_types}."},
	ErrorDuplicateOnLink:    {Error, "There is an account with these details already. Sign in to it first, then connect this provider in its settings."},
	ErrorDuplicateWithHints: {Error, "There is an account with these details already ({credential_identifier_hint}). Sign in to it with one of: {available_credential_types}."},
	ErrorConst:              {Error, "This must be {expected}."},
	ErrorConstGeneric:       {Error, "This does not have the one value that is accepted here."},
	ErrorPasswordTooSimilar: {Error, "This password is too much like your sign-in name. Choose another one."},
	ErrorPasswordMinLength:  {Error, "This password is too short: {actual_length} characters, at least {min_length} are needed."},
	ErrorPasswordMaxLength:  {Error, "This password is too long: {actual_length} bytes, at most {max_length} are allowed."},
	ErrorPasswordBreached:   {Error, "This password has appeared in stolen data, so others may know it. Choose another one."},
	ErrorNoCodeUser:         {Error, "No account here can sign in with a code sent to this address. Check it for typing mistakes, or sign up."},
	ErrorTraitsChanged:      {Error, "The details have changed since the code was sent. Send the same details with the code, or start again."},
	ErrorAccountNotFound:    {Error, "There is no account of this name. Check it for typing mistakes, or sign up."},
	ErrorCaptcha:            {Error, "That did not work. Please try once more to show that you are not a robot."},
	ErrorPasswordUnchanged:  {Error, "This is the password you have now. Choose a new one."},
	ErrorEmail:              {Error, "“{value}” is not an e-mail address."},
	ErrorPhone:              {Error, "“{value}” is not a phone number. Begin with + and the country code."},
	ErrorNoDevice:           {Error, "This account has no registered device. Choose another way."},
	ErrorWebAuthnWrong:      {Error, "This security key or passkey could not be confirmed. Try again, or choose another way."},
	ErrorDeviceWrong:        {Error, "This device could not be confirmed. Try again, or choose another way."},
	ErrorDeviceRelaxed:      {Error, "This device has to be registered again."},
	ErrorDeviceOld:          {Error, "This device was registered too long ago. Register it again."},

	ErrorLoginExpired:             {Error, "The form was open for too long. Please sign in with this new one."},
	ErrorLoginNoMethod:            {Error, "Please choose one of the ways to sign in."},
	ErrorRegistrationNoMethod:     {Error, "Please choose one of the ways to sign up."},
	ErrorSettingsNoMethod:         {Error, "Nothing was changed. Please use one of the buttons of the form."},
	ErrorRecoveryNoMethod:         {Error, "Please choose one of the ways to recover your account."},
	ErrorVerificationNoMethod:     {Error, "Please choose one of the ways to confirm your address."},
	ErrorLoginDone:                {Error, "You have signed in with this form already."},
	ErrorLoginCode:                {Error, "This code is wrong or was used before. Check it, or ask for a new one."},
	ErrorLoginLinkMismatch:        {Error, "You signed in to another account than the one to be connected. Sign in to that one, or start again."},
	ErrorLoginAddressUnknown:      {Error, "This address does not belong to your account. Choose one that does."},
	ErrorIdentityDisabled:         {Error, "This account is switched off. Ask the people who run this service."},
	ErrorRegistrationExpired:      {Error, "The form was open for too long. Please sign up with this new one."},
	ErrorRegistrationDone:         {Error, "You have signed up with this form already."},
	ErrorRegistrationCode:         {Error, "This code is wrong or was used before. Check it, or ask for a new one."},
	ErrorSettingsExpired:          {Error, "The form was open for too long. Please make your changes in this new one."},
	ErrorSettingsTooManyAddresses: {Error, "Please change one address at a time."},
	ErrorRecoveryDone:             {Error, "This recovery is complete already. Begin again if you still cannot sign in."},
	ErrorRecoveryState:            {Error, "This recovery cannot be continued. Please begin again."},
	ErrorRecoveryTokenMissing:     {Error, "The link is not complete. Open the whole link from the message."},
	ErrorRecoveryToken:            {Error, "This link is wrong or was used before. Please begin again."},
	ErrorRecoveryExpired:          {Error, "The form was open for too long. Please begin again with this new one."},
	ErrorRecoveryCode:             {Error, "This code is wrong or was used before. Check it, or ask for a new one."},
	ErrorVerificationToken:        {Error, "This link is wrong or was used before. Please ask for a new one."},
	ErrorVerificationDone:         {Error, "This was confirmed already. Begin again to confirm another address."},
	ErrorVerificationState:        {Error, "This confirmation cannot be continued. Please begin again."},
	ErrorVerificationTokenMissing: {Error, "The link is not complete. Open the whole link from the message."},
	ErrorVerificationExpired:      {Error, "The form was open for too long. Please begin again with this new one."},
	ErrorVerificationCode:         {Error, "This code is wrong or was used before. Check it, or ask for a new one."},

	ErrorSystem:               {Error, "{reason}"},
	ErrorSystemNoMethods:      {Error, "No way to sign in is switched on here. Ask the people who run this service."},
	ErrorSystemNoOrganization: {Error, "Your organisation has no way to sign in set up here. Ask its administrators."},
}
