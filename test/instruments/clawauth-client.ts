import assert from 'node:assert/strict'
import { type KeyObject, sign } from 'node:crypto'
import { fromKey } from '../../src/crypto/p256.ts'
import type { Gateway } from './gateway.ts'
import { type Keys, newKeys, pemOf } from './proofs.ts'
import type { Reply } from './send.ts'

export interface Challenge {
  readonly challengeId: string
  readonly nonce: string
  readonly expiresAt: string
  readonly signingInput: string
  readonly version: 2
}

export interface DoorTokens {
  readonly accessToken: string
  readonly refreshToken: string
  readonly expiresIn: number
}

export interface DoorAsked {
  readonly token?: string | undefined
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** A request to the ClawAuth door. A body that is a string goes as it is. */
export function ask(gateway: Gateway, line: string, { token, body, headers }: DoorAsked = {}): Promise<Reply> {
  const [method, path] = line.split(' ') as [string, string]
  const bytes = body === undefined || typeof body === 'string' ? body : JSON.stringify(body)
  return gateway.agent(method, path, {
    headers: {
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...headers,
    },
    body: bytes as string | undefined,
  })
}

/** The answer's JSON, once its status and its members are as they should be. */
export function given<T>(reply: Reply, status: number, members: readonly string[]): T {
  assert.equal(reply.status, status, reply.text())
  assert.match(reply.headers['content-type'] ?? '', /^application\/json/)
  const json = reply.json() as object
  assert.deepEqual(Object.keys(json).toSorted(), members.toSorted())
  return json as T
}

/** A refusal in the door's one shape. Gives its message. */
export function refused(reply: Reply, status: number, code: string): string {
  assert.deepEqual([reply.status, codeOf(reply)], [status, code], reply.text())
  const { error } = given<{ error: Record<string, string> }>(reply, status, ['error'])
  assert.deepEqual(Object.keys(error), ['code', 'message', 'requestId'])
  assert.equal(error.requestId, reply.headers['claviger-request-id'])
  return error.message as string
}

export function codeOf(reply: Reply): string | undefined {
  return (reply.json() as { error?: { code?: string } }).error?.code
}

/** Every encoding of a signature that the contract names (§4), of `data` by `key`. */
export const encodings: Readonly<Record<string, (data: Buffer, key: KeyObject) => string>> = {
  'DER in hex': (data, key) => sign('sha256', data, key).toString('hex'),
  'DER in base64url': (data, key) => sign('sha256', data, key).toString('base64url'),
  'r‖s in hex': (data, key) => raw(data, key).toString('hex'),
  'r‖s in base64url': (data, key) => raw(data, key).toString('base64url'),
}

const raw = (data: Buffer, key: KeyObject) => sign('sha256', data, { key, dsaEncoding: 'ieee-p1363' })
export const derHex = (text: string, key: KeyObject) => sign('sha256', Buffer.from(text), key).toString('hex')

/** An agent that knows nothing but the door's documentation. */
export class ClawAuthClient {
  readonly gateway: Gateway
  readonly id: string
  readonly keyId: string
  readonly keys: Keys

  private constructor(gateway: Gateway, id: string, keyId: string, keys: Keys) {
    this.gateway = gateway
    this.id = id
    this.keyId = keyId
    this.keys = keys
  }

  /** Registered by the operator, with proof. */
  static async register(gateway: Gateway, name: string, more: object = {}): Promise<ClawAuthClient> {
    const keys = newKeys()
    const body = { ...registration(name, keys), ...more }
    const reply = await ask(gateway, 'POST /auth/register', { token: gateway.operatorToken, body })
    if (reply.status !== 201) throw new Error(`register → ${reply.status} ${reply.text()}`)
    const { agentId, keyId } = reply.json() as { agentId: string; keyId: string }
    return new ClawAuthClient(gateway, agentId, keyId, keys)
  }

  async challenge(more: object = {}, asked: DoorAsked = {}): Promise<Challenge> {
    const reply = await ask(this.gateway, 'POST /auth/challenge', { ...asked, body: { agentId: this.id, ...more } })
    if (reply.status !== 200) throw new Error(`challenge → ${reply.status} ${reply.text()}`)
    return reply.json() as Challenge
  }

  authenticate(body: object, headers: Record<string, string> = {}): Promise<Reply> {
    return ask(this.gateway, 'POST /auth/authenticate', { body, headers })
  }

  /** By the bare nonce, as documented. */
  async byNonce(challenge: Challenge, key = this.keys.privateKey): Promise<Reply> {
    return this.authenticate({ challengeId: challenge.challengeId, signature: derHex(challenge.nonce, key) })
  }

  /** By the bound form. */
  async byInput(challenge: Challenge, key = this.keys.privateKey, headers = {}): Promise<Reply> {
    const { challengeId, signingInput } = challenge
    return this.authenticate({ challengeId, signature: derHex(signingInput, key), version: 2 }, headers)
  }

  /** Tokens by the bound form, for this audience. */
  async signIn(audience?: string, headers: Record<string, string> = {}): Promise<DoorTokens> {
    const challenge = await this.challenge(audience === undefined ? {} : { audience })
    const reply = await this.byInput(challenge, undefined, headers)
    if (reply.status !== 200) throw new Error(`authenticate → ${reply.status} ${reply.text()}`)
    return reply.json() as DoorTokens
  }
}

/** What proves that the key is held: a signature over `clawauth-register:<publicKeyHash>`. */
export function possession({ publicKey, privateKey }: Keys): string {
  return derHex(`clawauth-register:${fromKey(publicKey).hash}`, privateKey)
}

export function registration(name: string, keys: Keys) {
  return { email: `${name}@example.com`, name, publicKey: pemOf(keys.publicKey), proof: possession(keys) }
}

export interface RelyingService {
  readonly id: string
  readonly key: string
  readonly name: string
}

/** A relying service with its key. */
export async function relyingService(gateway: Gateway, name: string, owner = `${name}-inc`): Promise<RelyingService> {
  const { id } = await gateway.does<{ id: string }>('POST', '/relying', { name, owner })
  const { key } = await gateway.does<{ key: string }>('POST', `/relying/${name}/keys`, {})
  return { id, key, name }
}
