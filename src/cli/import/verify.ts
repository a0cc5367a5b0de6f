/**
 * Asks a service whose a stored secret is, through the gate like any other call: an agent made for this one import, a token
 * of a few minutes, a grant for one use of one credential. The secret itself is sent by the gateway alone.
 */
import { randomBytes } from 'node:crypto'
import { Problem } from '../../ground/problem.ts'
import { agentClient, type GatewayClient, problemIn } from '../client.ts'
import { pathOf } from '../path-of.ts'

const LIFE_SECONDS = 300
const MAX_ANSWER = 1_048_576

export type Verdict =
  | { readonly outcome: 'works'; readonly identity: string }
  /** The service does not know the secret. */
  | { readonly outcome: 'refused'; readonly why: string }
  /** Nobody can say. */
  | { readonly outcome: 'unknown'; readonly why: string }

export interface Verifier {
  ask(handle: string, service: string): Promise<Verdict>
  /** Takes the agent's authority away. */
  close(): Promise<void>
}

/** `url` is the agents' listener. */
export async function openVerifier(operator: GatewayClient, url: string): Promise<Verifier> {
  // A name that nobody can have taken beforehand: what is granted to it is granted to this process.
  const name = `import-check-${randomBytes(10).toString('hex')}`
  const { id } = await operator.ask({ method: 'POST', path: '/agents', body: { name } })
  const issued = await operator.ask({ method: 'POST', path: '/tokens', body: { agent: id, ttlSeconds: LIFE_SECONDS } })
  const agent = agentClient(url, issued.token)
  return {
    ask: (handle, service) => ask(handle, service, id, operator, agent),
    close: async () => {
      await agent.close()
      await operator.ask({ method: 'POST', path: pathOf('agents', id, 'revoke') })
    },
  }
}

interface Probe {
  readonly method: string
  readonly path: string
  readonly pointer: string
}

async function ask(
  handle: string,
  service: string,
  agentId: string,
  operator: GatewayClient,
  agent: GatewayClient,
): Promise<Verdict> {
  try {
    const { probe } = await operator.ask({ method: 'GET', path: pathOf('services', service) })
    if (probe === undefined)
      return { outcome: 'unknown', why: 'the service has no probe that says whose a credential is' }
    const once = { uses: 1, ttlSeconds: LIFE_SECONDS }
    const body = { agent: agentId, service, credential: handle, scopes: [`${service}:*`], ...once }
    const grant = await operator.ask({ method: 'POST', path: '/grants', body })
    const verdict = await call(service, probe, agent)
    await operator.ask({ method: 'DELETE', path: pathOf('grants', grant.id) })
    return verdict
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    return { outcome: 'unknown', why: `${error.title} [${error.code}]` }
  }
}

async function call(service: string, { method, path, pointer }: Probe, agent: GatewayClient): Promise<Verdict> {
  const body = { service, method, path }
  const answer = await agent.send({ method: 'POST', path: '/claviger/v1/call', body })
  const text = await bounded(answer.body)
  const byGateway = /(^|,)\s*claviger\b[^,]*;\s*error=/.test(String(answer.headers['proxy-status'] ?? ''))
  if (byGateway) throw problemIn(text, answer.statusCode)
  const { statusCode } = answer
  if (statusCode === 401 || statusCode === 403)
    return { outcome: 'refused', why: `the service refuses it (${statusCode})` }
  if (statusCode >= 300) return { outcome: 'unknown', why: `the service answered ${statusCode}` }
  const identity = valueAt(text, pointer)
  // Some services say no with 200.
  if (identity === undefined) return { outcome: 'refused', why: 'the service answers, and names nobody' }
  return { outcome: 'works', identity }
}

async function bounded(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of stream) {
    length += chunk.length
    if (length > MAX_ANSWER) return ''
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** The name or number at a JSON pointer (RFC 6901). */
function valueAt(text: string, pointer: string): string | undefined {
  try {
    let value: unknown = JSON.parse(text)
    for (const part of pointer.split('/').slice(1)) {
      const name = part.replaceAll('~1', '/').replaceAll('~0', '~')
      if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
      value = (value as Record<string, unknown>)[name]
    }
    return typeof value === 'string' || typeof value === 'number' ? String(value).slice(0, 200) : undefined
  } catch {
    return undefined
  }
}
