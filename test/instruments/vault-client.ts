import assert from 'node:assert/strict'
import type { Gateway } from './gateway.ts'
import type { Reply } from './send.ts'

export const ADMIN_TOKEN = 'the-vault-admin-token-of-this-test'
export const vaultEnv = {
  CLAVIGER_DEMO: 'off',
  VAULT_ADMIN_TOKEN: ADMIN_TOKEN,
  CLAVIGER_VAULT_ADDRESSES: '127.0.0.0/8',
}

/** One request in the dialect: all that a client knows is the documentation. A body that is a string goes as it is. */
export function rpc(gateway: Gateway, path: string, body: unknown, token?: string): Promise<Reply> {
  return gateway.agent('POST', path, {
    headers: {
      'content-type': 'application/json',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
}

export const asAdmin = (gateway: Gateway, name: string, body: unknown = {}, token = ADMIN_TOKEN) =>
  rpc(gateway, `/vault.admin.${name}`, body, token)

/** A refusal in the dialect's one shape. */
export function refusedWith(reply: Reply, error: string, status = 403): void {
  assert.deepEqual([reply.status, reply.json()], [status, { error }])
  assert.equal(reply.headers['x-vault-error'], error)
}

/** The answer of something that must work. */
export function done<T>(reply: Reply): T {
  assert.equal(reply.status, 200, reply.text())
  assert.equal(reply.headers['x-vault-error'], undefined)
  return reply.json() as T
}

export interface IssuedVaultToken {
  readonly tokenId: string
  readonly token: string
  readonly expiresInSec: number
}

/** An agent of the gateway, as the vault's documentation knows one: a name, and a credential that says who it is. */
export class VaultAgent {
  readonly gateway: Gateway
  readonly name: string
  readonly id: string
  readonly credential: string

  private constructor(gateway: Gateway, name: string, id: string, credential: string) {
    this.gateway = gateway
    this.name = name
    this.id = id
    this.credential = credential
  }

  static async add(gateway: Gateway, name: string): Promise<VaultAgent> {
    const { id } = await gateway.does<{ id: string }>('POST', '/agents', { name })
    const { token } = await gateway.does<{ token: string }>('POST', '/tokens', { agent: name })
    return new VaultAgent(gateway, name, id, token)
  }

  ask(body: object): Promise<Reply> {
    return rpc(this.gateway, '/vault.issueToken', body, this.credential)
  }

  async issue(service: string, scope: readonly string[], more: object = {}): Promise<IssuedVaultToken> {
    return done(await this.ask({ service, scope, ...more }))
  }

  revoke(body: object): Promise<Reply> {
    return rpc(this.gateway, '/vault.revoke', body, this.credential)
  }

  async audit(body: object = {}): Promise<AuditRow[]> {
    return done(await rpc(this.gateway, '/vault.audit.query', body, this.credential))
  }
}

export type AuditRow = { readonly ts: number; readonly event: string } & Readonly<Record<string, unknown>>

export const call = (gateway: Gateway, body: object) => rpc(gateway, '/vault.call', body)

/** A service in the vault's form, on an upstream of the test: two actions that read, one that writes. */
export function serviceForm(service: string, origin: string, more: object = {}) {
  const scope = (text: string) => `${service}:${text}`
  return {
    service,
    baseUrl: origin,
    secretRef: `${service}_key`,
    allowedAgents: ['*'],
    allowedActions: ['issue', 'data.get', 'data.put', 'data.list', 'file.get'],
    allowedScopes: [scope('data:read'), scope('data:write')],
    endpoints: {
      'data.get': { method: 'GET', path: '/v/data/{id}', requiredScope: [scope('data:read')] },
      'data.list': { method: 'GET', path: '/v/data', requiredScope: [scope('data:read')] },
      'data.put': { method: 'PUT', path: '/v/data/{id}', requiredScope: [scope('data:write')] },
      'file.get': {
        method: 'GET',
        path: '/v/files/{path}',
        requiredScope: [scope('data:read')],
        multiSegment: ['path'],
      },
    },
    ...more,
  }
}

/** Answers below `/v/` with what it was sent, but for the credential. */
export function mirror(
  request: import('node:http').IncomingMessage,
  response: import('node:http').ServerResponse,
): void {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    const { method, url } = request
    const body = Buffer.concat(chunks).toString()
    response.writeHead(200, { 'content-type': 'application/json', 'x-ratelimit-remaining': '41', 'x-own': 'kept back' })
    response.end(JSON.stringify({ method, url, ...(body !== '' && { body: JSON.parse(body) }) }))
  })
}
