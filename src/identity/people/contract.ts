/** The promise of this part, data only: operators as persons. Times are milliseconds since 1970. */
import { z } from 'zod'
import { problemsOf } from '../../ground/problem.ts'
import { roles } from '../../http/endpoint.ts'
import { TtlSeconds } from '../../http/shapes.ts'
import { LABEL_PATTERN, NAME_PATTERN } from '../contract.ts'

export const RoleWord = z.enum(roles)
const OperatorName = z.string().regex(NAME_PATTERN, {
  error: 'lower-case letters, digits and . _ - between them, at most 64; not like an id',
})
const Time = z.int().nonnegative()

export const AddOperator = z.strictObject({ name: OperatorName, role: RoleWord })
export const SetOperatorRole = z.strictObject({ role: RoleWord })
export const IssueOperatorToken = z.strictObject({
  ttlSeconds: TtlSeconds.optional(),
  label: z.string().regex(LABEL_PATTERN).optional(),
})

export const OperatorView = z.object({
  id: z.string(),
  name: z.string(),
  role: RoleWord,
  status: z.enum(['active', 'revoked']),
  createdAt: Time,
  passkeys: z.int(),
})
export type OperatorView = z.output<typeof OperatorView>

/** To a page where somebody makes their passkey. The token stands behind `#`, which browsers send to nobody. */
export const LinkView = z.object({ operator: z.string(), link: z.string(), expiresAt: Time })

const Base64url = z.string().regex(/^[A-Za-z0-9_-]*$/)
const PasskeyName = z.string().regex(/^\P{C}{1,64}$/u, { error: '1 to 64 printable characters' })
const CredentialId = Base64url.min(1).max(1_364)
/** As `PublicKeyCredential.toJSON()` gives them (WebAuthn L3 §5.1.8); what is not read is dropped. */
const answered = {
  id: CredentialId,
  rawId: CredentialId,
  type: z.literal('public-key'),
  clientExtensionResults: z.looseObject({}),
}
export const RegistrationResponse = z.object({
  ...answered,
  response: z.object({
    clientDataJSON: Base64url.max(4_096),
    attestationObject: Base64url.max(32_768),
    transports: z
      .array(z.string().regex(/^[a-z-]{1,24}$/))
      .max(8)
      .optional(),
  }),
})
export type RegistrationResponse = z.output<typeof RegistrationResponse>
export const AssertionResponse = z.object({
  ...answered,
  response: z.object({
    clientDataJSON: Base64url.max(4_096),
    authenticatorData: Base64url.max(4_096),
    signature: Base64url.max(8_192),
    userHandle: Base64url.max(128).nullish(),
  }),
})
export type AssertionResponse = z.output<typeof AssertionResponse>
/** The most that is read of an answer with one of these. Bytes. */
export const MAX_ANSWER = 64 * 1024

/** As `PublicKeyCredential.parseCreationOptionsFromJSON()` and `parseRequestOptionsFromJSON()` take them. */
export const PublicKeyOptions = z.looseObject({ challenge: z.string() })

const LinkToken = z.string().max(128)
export const StartEnrolment = z.strictObject({ token: LinkToken })
export const EnrolmentStarted = z.object({
  operator: z.object({ name: z.string(), role: RoleWord }),
  thisMachineOnly: z.boolean(),
  options: PublicKeyOptions,
})
export const AddPasskey = z.strictObject({ name: PasskeyName, response: RegistrationResponse })
export const CompleteEnrolment = AddPasskey.extend({ token: LinkToken })
export const Assert = z.strictObject({ response: AssertionResponse })
export const Recover = z.strictObject({ code: z.string().max(64) })
export const RenamePasskey = z.strictObject({ name: PasskeyName })

export const PasskeyView = z.object({
  id: z.string(),
  operator: z.string(),
  name: z.string(),
  /** The host name that it is good for. */
  rpId: z.string(),
  thisMachineOnly: z.boolean(),
  synced: z.boolean(),
  createdAt: Time,
  lastUsedAt: Time.optional(),
})

export const SessionView = z.object({
  id: z.string(),
  operator: z.string(),
  origin: z.string(),
  /** Whether it is the one that asks. */
  current: z.boolean(),
  /** Opened with a recovery code: it may add a passkey and nothing else. */
  recovery: z.boolean(),
  createdAt: Time,
  lastSeenAt: Time,
  expiresAt: Time,
})

/** Who is signed in. */
export const SignedIn = z.object({
  operator: z.object({ id: z.string(), name: z.string(), role: RoleWord }),
  session: z.string(),
  recovery: z.boolean(),
  thisMachineOnly: z.boolean(),
  expiresAt: Time,
  /** Until when changes need no new proof; in the past where they do. */
  verifiedUntil: Time,
})
/** `csrf` goes into the header `claviger-csrf` of every request of the session; it is said this once. */
export const NewSession = SignedIn.extend({ csrf: z.string() })
export const RecoveryCodes = z.array(z.string())
export const Enrolled = NewSession.extend({
  passkey: PasskeyView,
  /** With the first passkey: ten codes, each good once, shown this once. */
  recoveryCodes: RecoveryCodes.optional(),
})

export const peopleProblems = {
  operator_unknown: { status: 404, title: 'There is no such operator', hint: 'List them: claviger operator list' },
  operator_name_taken: { status: 409, title: 'Another operator has this name', hint: 'Choose another name' },
  operator_revoked: { status: 409, title: 'The operator was removed for good', hint: 'Add a new one' },
  last_owner: {
    status: 409,
    title: 'The last owner cannot be removed or given a lesser role',
    hint: 'Make somebody else an owner first: claviger operator role NAME owner',
  },
  link_unknown: {
    status: 404,
    title: 'There is no such link',
    hint: 'Open it as it was given, whole; an owner makes one: claviger operator link NAME',
  },
  link_used: {
    status: 410,
    title: 'The link was used, replaced or is too old',
    hint: 'A link is good once, for 15 minutes. An owner makes a new one: claviger operator link NAME',
  },
  no_operator_pages: {
    status: 409,
    title: 'There are no operators’ pages that a link could lead to',
    hint: 'Set CLAVIGER_OPERATOR_PORT to a free port, and start again.',
  },
  no_owner_with_passkey: {
    status: 409,
    title: 'No owner could sign in: tokens are all there is',
    hint: 'Make a passkey first, at the operators’ pages as they are reached now: claviger operator link',
  },
  member_unknown: { status: 404, title: 'There is no such member', hint: 'List them: claviger clawgate person list' },
  member_address_taken: { status: 409, title: 'Somebody has this address already' },
  member_invite_invalid: {
    status: 403,
    title: 'That is no invite to this address that is still good',
    hint: 'An invite is good once, for a day, for one address; an operator makes it: claviger clawgate person invite ADDRESS',
  },
  member_code_invalid: {
    status: 403,
    title: 'That is not the code that was sent to the address',
    hint: 'Five wrong codes, or a day, end a registration: register again.',
  },
  members_crowded: {
    status: 429,
    title: 'Too many addresses wait for their proof',
    hint: 'Try again later, or ask an operator for an invite.',
  },
  passkey_refused: {
    status: 422,
    title: 'The passkey’s answer was refused',
    hint: '`check` says what does not hold. Begin again: every challenge is good for one try.',
  },
  passkey_exists: { status: 409, title: 'This authenticator has a passkey here already' },
  passkey_unknown: { status: 404, title: 'There is no such passkey', hint: 'List them: claviger passkey list' },
  last_passkey: {
    status: 409,
    title: 'The last passkey of an operator cannot be removed',
    hint: 'Add another first. To end all that an operator signs in with: claviger operator remove NAME',
  },
  recovery_code_invalid: {
    status: 401,
    title: 'That is no recovery code that is still good',
    hint: 'Each is good once, and new ones end the old. An owner makes a link instead: claviger operator link NAME',
  },
  verification_wanted: {
    status: 403,
    title: 'That wants a proof with the passkey that is not older than five minutes',
    hint: 'POST /claviger/v1/people/verify/start, then …/complete, then again.',
  },
  recovery_session: {
    status: 403,
    title: 'A session that was opened with a recovery code may add a passkey, and nothing else',
    hint: 'Add one and sign in with it.',
  },
  session_unknown: { status: 404, title: 'There is no such session', hint: 'List them: claviger session list' },
  session_wanted: {
    status: 403,
    title: 'That is done in a session, by whom it is about',
    hint: 'Sign in at the operators’ pages.',
  },
  origin_refused: {
    status: 403,
    title: 'The request does not come from the operators’ own pages',
    hint: 'Open them by the address that `claviger status` says (a name, not an address in digits), or by CLAVIGER_PUBLIC_URL.',
  },
} as const

export const peopleProblem = problemsOf(peopleProblems)
