// Requests to the gateway, as its own page sends them: the cookie goes along by itself, the other half of the session in a header.
import { startAuthentication } from '@simplewebauthn/browser'
import { csrf, leave } from './session.ts'

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'

/** A refusal: `code` is permanent, the rest is for people. */
export class Problem extends Error {
  readonly code: string
  readonly status: number
  readonly hint: string | undefined

  constructor(status: number, code: string, title: string, hint?: string) {
    super(title)
    this.code = code
    this.status = status
    this.hint = hint
  }
}

/** What went wrong, in a sentence. */
export function wordsOf(error: unknown): string {
  if (error instanceof Problem)
    return error.hint === undefined ? `${error.message}.` : `${error.message}. ${error.hint}`
  const name = error instanceof Error ? error.name : ''
  if (name === 'NotAllowedError' || name === 'AbortError') return 'The passkey was not used. Nothing was sent.'
  if (name === 'InvalidStateError') return 'This device has a passkey here already.'
  if (name === 'TypeError') return 'The gateway cannot be reached.'
  return error instanceof Error ? error.message : String(error)
}

/** Sends, and proves first who is there where the gateway wants that again. Throws Problem. */
export async function ask<T>(method: Method, path: string, body?: unknown): Promise<T> {
  try {
    return await askOnce<T>(method, path, body)
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== 'verification_wanted') throw error
    await verify()
    return askOnce<T>(method, path, body)
  }
}

export function headersOf(withBody: boolean): Record<string, string> {
  const token = csrf()
  return {
    ...(withBody && { 'content-type': 'application/json' }),
    ...(token !== undefined && { 'claviger-csrf': token }),
  }
}

async function askOnce<T>(method: Method, path: string, body?: unknown): Promise<T> {
  const sent = csrf()
  const answer = await fetch(`/claviger/v1${path}`, {
    method,
    headers: headersOf(body !== undefined),
    body: body === undefined ? null : JSON.stringify(body),
    cache: 'no-store',
    redirect: 'error',
  })
  if (answer.ok) return (await answer.json()) as T
  const problem = await problemIn(answer)
  // Over for this session; another tab may have opened a newer one meanwhile.
  if (problem.status === 401 && sent !== undefined) leave(sent)
  throw problem
}

async function problemIn(answer: Response): Promise<Problem> {
  try {
    const { code, title, hint } = (await answer.json()) as { code: string; title: string; hint?: string }
    return new Problem(answer.status, code, title, hint)
  } catch {
    return new Problem(answer.status, 'unreadable', `The gateway answered ${answer.status}`)
  }
}

async function verify(): Promise<void> {
  const optionsJSON = await askOnce<never>('POST', '/people/verify/start')
  const response = await startAuthentication({ optionsJSON })
  await askOnce('POST', '/people/verify/complete', { response })
}
