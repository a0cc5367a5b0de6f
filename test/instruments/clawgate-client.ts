import type { Gateway } from './gateway.ts'
import type { Person } from './person.ts'
import { type Reply, send } from './send.ts'

/** A client of ClawGate, written from its contract alone: agents' routes, by API key. */
export class ClawGateClient {
  readonly #gateway: Gateway
  key: string
  /** Another port than the agents' listener. */
  port: number | undefined

  constructor(gateway: Gateway, key: string) {
    this.#gateway = gateway
    this.key = key
  }

  ask(method: string, path: string, body?: object | string, headers?: Record<string, string>): Promise<Reply> {
    const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body)
    const usual = { authorization: `Bearer ${this.key}` }
    const typed = { ...(text !== undefined && { 'content-type': 'application/json' }), ...(headers ?? usual) }
    const port = this.port ?? this.#gateway.port
    return send({ port, method, path: `/api/v1${path}`, headers: typed, body: text })
  }

  async request(more: object = {}): Promise<{ requestId: string; status: string; expiresAt: string }> {
    const reply = await this.ask('POST', '/approval/request', { ...REQUEST, ...more })
    if (reply.status !== 201) throw new Error(`${reply.status} ${reply.text()}`)
    return reply.json() as { requestId: string; status: string; expiresAt: string }
  }

  async status(id: string, query = ''): Promise<Record<string, string>> {
    return (await this.ask('GET', `/approval/status/${id}${query}`)).json() as Record<string, string>
  }

  /** Without credentials, as whoever carries the action out. */
  async verify(token: string, more: object = {}): Promise<{ valid: boolean; error?: string; claims?: Claims }> {
    const reply = await this.ask('POST', '/approval/verify-token', { token, ...more }, {})
    if (reply.status !== 200) throw new Error(`${reply.status} ${reply.text()}`)
    return reply.json() as { valid: boolean }
  }
}

export type Claims = Readonly<Record<string, unknown>>

export const REQUEST = {
  action: 'shell.exec',
  description: 'tidy up',
  context: { tool: 'exec', params: { command: 'rm -rf ./old', ratio: 0.5, none: null }, cwd: '/srv', sessionId: 's1' },
  riskLevel: 'high',
}

/** Code of a refusal, with its status. */
export function refusedAs(reply: Reply): [status: number, code: string] {
  const { error } = reply.json() as { error: { code: string; message: string; requestId: string } }
  if (error.requestId === '' || error.message === '') throw new Error(reply.text())
  return [reply.status, error.code]
}

/** Answers with a fresh passkey assertion over the challenge that was made of the request. */
export async function approve(person: Person, id: string): Promise<Reply> {
  const { digest } = await person.does<{ digest: string }>('GET', `/approvals/${id}`)
  const options = await person.does('POST', `/approvals/${id}/challenge`, { digest })
  const assertion = person.authenticator.get(options as never, person.origin)
  return person.send('POST', `/approvals/${id}/verdict`, { verdict: 'approved', digest, assertion })
}
