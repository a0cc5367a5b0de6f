// A token that may do less, for a tool, a sub-task, another program: RFC 8693 token exchange at the gateway.
import { ClavigerError } from '../claviger-error.ts'
import type { Now } from '../platform.ts'
import { type Answered, invalidAnswer, refusal, stringIn, type Wire } from '../wire.ts'
import { type DpopProver, wantsNonce } from './dpop.ts'
import { TokenClient } from './token-client.ts'
import type { TokenSource, Tokens } from './tokens.ts'

export interface NarrowOptions {
  /** How many calls it is good for, counted exactly; without it, as many as fit in its life. */
  readonly maxUses?: number
  /**
   * How long it must be good for, at least: where the agent's own token ends before, that is renewed first. 120 if left out; a
   * token never outlives the agent's own, which lives for five minutes unless the gateway says otherwise.
   */
  readonly minLifeSeconds?: number
}

export interface NarrowedToken {
  readonly accessToken: string
  /** `DPoP`: good only with the key of the agent that made it, so in this process. */
  readonly tokenType: 'Bearer' | 'DPoP'
  readonly scope: readonly string[]
  /** Milliseconds since 1970. */
  readonly expiresAt: number
  /** Makes calls with it. */
  readonly client: TokenClient
}

export interface NarrowNeeds {
  readonly wire: Wire
  readonly source: TokenSource
  readonly dpop: DpopProver | undefined
  readonly now: Now
}

const PATH = '/oauth/token'
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token'

/** Throws `options_invalid`, `invalid_scope` for more than the agent's own token may, and what the token endpoint throws. */
export async function narrow(
  needs: NarrowNeeds,
  scope: readonly string[],
  options: NarrowOptions,
): Promise<NarrowedToken> {
  // No scope at all would be everything that the agent may.
  if (scope.length === 0 || !scope.every((one) => /^[\x21-\x7e]+$/.test(one))) throw invalid('scope')
  const { maxUses, minLifeSeconds = 120 } = options
  if (maxUses !== undefined && !(Number.isInteger(maxUses) && maxUses > 0)) throw invalid('maxUses')
  const { source, now } = needs
  const own = await source.get()
  const subject = own.expiresAt - now() < minLifeSeconds * 1000 ? await source.getInsteadOf(own) : own
  const form = {
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token: subject.accessToken,
    subject_token_type: ACCESS_TOKEN,
    scope: scope.join(' '),
    ...(maxUses !== undefined && { max_uses: String(maxUses) }),
  }
  return read(needs, await exchange(needs, form), scope, subject)
}

/** An assertion and a proof are good once: both are made anew when the gateway wants its nonce. */
async function exchange(needs: NarrowNeeds, form: Readonly<Record<string, string>>, again = true): Promise<Answered> {
  const { wire, source, dpop } = needs
  const url = `${wire.baseUrl}${PATH}`
  const proven = await dpop?.prove('POST', url)
  const answer = await wire.send({
    method: 'POST',
    path: PATH,
    headers: proven === undefined ? {} : { dpop: proven.proof },
    form: { ...form, ...(await source.clientAssertion()) },
  })
  const isOther = dpop?.learn(url, answer.headers, proven?.nonce) === true
  if (again && isOther && wantsNonce(answer.status, answer.headers, answer.json)) return exchange(needs, form, false)
  if (answer.status === 200) return answer
  throw refusal(answer)
}

async function read(
  { wire, dpop, now }: NarrowNeeds,
  answer: Answered,
  asked: readonly string[],
  { tokenType }: Tokens,
): Promise<NarrowedToken> {
  const { token_type, expires_in } = answer.json
  if (token_type !== tokenType || typeof expires_in !== 'number') throw invalidAnswer(answer.status, 'another token')
  const scope = stringIn(answer, 'scope').split(' ')
  if (!scope.every((one) => asked.includes(one))) throw invalidAnswer(answer.status, 'more than was asked for')
  const accessToken = stringIn(answer, 'access_token')
  const binding = dpop && { dpop: await dpop.signer() }
  const client = new TokenClient({ baseUrl: wire.baseUrl, fetch: wire.fetch, token: accessToken, now, ...binding })
  return { accessToken, tokenType, scope, expiresAt: now() + expires_in * 1000, client }
}

function invalid(name: string): ClavigerError {
  return new ClavigerError('options_invalid', 'A token cannot be narrowed to this', { detail: `${name} is not good` })
}
