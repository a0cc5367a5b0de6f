// The ceremonies: what the gateway wants signed, the authenticator signs, and the gateway judges.
import { startAuthentication, startRegistration } from '@simplewebauthn/browser'
import { ask } from './client.ts'
import { enter } from './session.ts'
import type { ApprovalLine, NewSession, Passkey } from './types.ts'

export interface Enrolment {
  readonly operator: { readonly name: string; readonly role: string }
  readonly thisMachineOnly: boolean
  readonly options: never
}

interface Codes {
  readonly recoveryCodes?: readonly string[]
}

export async function signIn(): Promise<void> {
  const optionsJSON = await ask<never>('POST', '/people/sign-in/start')
  const response = await startAuthentication({ optionsJSON })
  enter(await ask<NewSession>('POST', '/people/sign-in/complete', { response }))
}

export async function recover(code: string): Promise<void> {
  enter(await ask<NewSession>('POST', '/people/recover', { code }))
}

export function startEnrolment(token: string): Promise<Enrolment> {
  return ask<Enrolment>('POST', '/people/enrol/start', { token })
}

/** `signIn` ends the enrolment: the codes are to be seen before. */
export async function completeEnrolment(token: string, name: string, optionsJSON: never) {
  const response = await startRegistration({ optionsJSON })
  const made = await ask<NewSession & Codes>('POST', '/people/enrol/complete', { token, name, response })
  const { recoveryCodes = [], ...session } = made
  return { recoveryCodes, signIn: () => enter(session) }
}

export async function addPasskey(name: string): Promise<Passkey & Codes> {
  const optionsJSON = await ask<never>('POST', '/passkeys/start')
  const response = await startRegistration({ optionsJSON })
  return ask<Passkey & Codes>('POST', '/passkeys', { name, response })
}

/** The authenticator signs a challenge that was made of the digest of what is shown: the call's, or the window's. */
export async function approve({ id, digest: own }: ApprovalLine, digest = own): Promise<ApprovalLine> {
  const optionsJSON = await ask<never>('POST', `/approvals/${id}/challenge`, { digest })
  const assertion = await startAuthentication({ optionsJSON })
  return ask<ApprovalLine>('POST', `/approvals/${id}/verdict`, { verdict: 'approved', digest, assertion })
}

/** By being signed in here: worth a tap, or a push on a device that takes them. */
export function approveByHand({ id, digest }: ApprovalLine): Promise<ApprovalLine> {
  return ask<ApprovalLine>('POST', `/approvals/${id}/verdict`, { verdict: 'approved', digest })
}

export function deny({ id, digest }: ApprovalLine, comment: string): Promise<ApprovalLine> {
  const said = comment.trim() === '' ? {} : { comment: comment.trim() }
  return ask<ApprovalLine>('POST', `/approvals/${id}/verdict`, { verdict: 'denied', digest, ...said })
}
