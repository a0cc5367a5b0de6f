// The agentic-credential-vault door: a short token for a service and some scopes, and named actions called with it.
import type { ClavigerError } from '../claviger-error.ts'
import { refusalOf } from '../errors/families.ts'
import { type Answered, invalidAnswer, readJson, stringIn, Wire } from '../wire.ts'
import { type Caller, isByGateway } from './call.ts'
import { ServiceAnswer } from './service-answer.ts'
import { reached, refusalIn, refuseStrangers } from './service-call.ts'

export interface IssueTokenOptions {
  /** Seconds: 600 if left out, 900 at most. */
  readonly ttl?: number
  /** For what the token is; calls may state it, and can be revoked by it. Invented where left out. */
  readonly sessionId?: string
  readonly taskId?: string
  readonly skillId?: string
}

export interface ActionToken {
  readonly tokenId: string
  readonly token: string
  readonly expiresInSec: number
}

export interface CallActionOptions {
  /** For whom and what the call is. What is stated must be the token's own. */
  readonly context?: Readonly<Partial<Record<'agentId' | 'sessionId' | 'taskId' | 'skillId' | 'tool', string>>>
  readonly signal?: AbortSignal
}

/** Throws the door's refusal. */
export async function issueToken(
  caller: Caller,
  baseUrl: string,
  asked: IssueTokenOptions & { readonly service: string; readonly scope: readonly string[] },
): Promise<ActionToken> {
  const wire = new Wire({ baseUrl, fetch: (url, init) => caller.send(url, init, refusesAgent) })
  const answer = await wire.send({ method: 'POST', path: '/vault.issueToken', body: asked })
  if (answer.headers.has('x-vault-error') || answer.status !== 200) throw vaultRefusal(answer)
  const { expiresInSec } = answer.json
  if (typeof expiresInSec !== 'number') throw invalidAnswer(answer.status, 'expiresInSec is missing')
  return { tokenId: stringIn(answer, 'tokenId'), token: stringIn(answer, 'token'), expiresInSec }
}

/** The service's answer, whatever its status. The token alone says who calls. Throws the door's refusal. */
export async function callAction(
  wire: Wire,
  asked: { readonly token: string; readonly service: string; readonly action: string; readonly params: object },
  { context, signal }: CallActionOptions,
): Promise<ServiceAnswer> {
  const init = {
    method: 'POST',
    redirect: 'manual',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...asked, ...(context && { context }) }),
    ...(signal && { signal }),
  } as const
  const response = await reached(() => wire.fetch(`${wire.baseUrl}/vault.call`, init), signal)
  if (response.headers.has('x-vault-error')) {
    const { status, headers } = response
    throw vaultRefusal({ status, headers, json: await readJson(response).catch(() => ({})) })
  }
  if (isByGateway(response)) throw await refusalIn(response)
  refuseStrangers(response)
  return new ServiceAnswer(response, { signal })
}

/** This door has no 401. */
function refusesAgent({ headers }: Response): boolean {
  return headers.get('x-vault-error') === 'AGENT_UNAUTHORIZED'
}

/** `CODE:what it is about`, in a member and in a header. */
function vaultRefusal({ status, headers, json }: Answered): ClavigerError {
  const text = String(headers.get('x-vault-error') ?? json.error ?? json.code ?? 'answer_unknown')
  const [code = '', ...rest] = text.split(':')
  const seconds = Number(headers.get('retry-after') ?? Number.NaN)
  return refusalOf(code, `The vault refused: ${code}`, {
    status,
    detail: rest.length === 0 ? undefined : rest.join(':').trim(),
    requestId: headers.get('claviger-request-id') ?? undefined,
    retryAfterSeconds: Number.isFinite(seconds) ? seconds : undefined,
  })
}
