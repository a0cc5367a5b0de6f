import { generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto'
import { type Es256Signer, keySigner, signJwt } from '../../src/crypto/es256-signer.ts'
import { fromKey } from '../../src/crypto/p256.ts'
import type { Gateway } from './gateway.ts'
import type { Reply } from './send.ts'

interface Tokens {
  readonly accessToken: string
  readonly refreshToken?: string
  readonly tokenType?: string
}

/** An agent that signs in with a key of its own, as any program can by the documentation. */
export class KeyAgent {
  readonly id: string
  readonly privateKey: KeyObject
  readonly thumbprint: string
  readonly #gateway: Gateway
  readonly #signer: Es256Signer

  private constructor(gateway: Gateway, id: string, privateKey: KeyObject) {
    this.#gateway = gateway
    this.id = id
    this.privateKey = privateKey
    this.thumbprint = fromKey(privateKey).thumbprint
    this.#signer = keySigner(this.thumbprint, privateKey)
  }

  /** Added by the operator, with a new key. */
  static async add(gateway: Gateway, name: string, more: { email?: string } = {}): Promise<KeyAgent> {
    const { id } = await gateway.does<{ id: string }>('POST', '/agents', { name, ...more })
    const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const publicKey = pair.publicKey.export({ type: 'spki', format: 'pem' }) as string
    const agent = new KeyAgent(gateway, id, pair.privateKey)
    const { thumbprint } = agent
    const proof = await signJwt(agent.#signer, 'clv-register+jwt', { ...agent.#claims(), sub: id, thumbprint })
    await gateway.does('POST', `/agents/${id}/keys`, { publicKey, proof })
    return agent
  }

  /** Shows an invite for a new key, which is forgotten. */
  async rekey(invite: string): Promise<Reply> {
    const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const { thumbprint } = fromKey(pair.publicKey)
    const proof = await signJwt(keySigner(thumbprint, pair.privateKey), 'clv-register+jwt', {
      ...this.#claims(),
      thumbprint,
    })
    const publicKey = pair.publicKey.export({ type: 'spki', format: 'pem' })
    return this.#gateway.agent('POST', '/claviger/v1/agents/register', {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'anything', publicKey, proof, invite }),
    })
  }

  /** Challenge, proof, tokens; for this audience, or for the gateway itself. */
  async signIn(audience?: string, more: object = {}, headers: Record<string, string> = {}): Promise<Tokens> {
    return (await this.#ask('/auth/token', { ...(await this.answer(audience)), ...more }, headers)) as never
  }

  /** A challenge that was asked for, and the proof that answers it. */
  async answer(audience?: string): Promise<{ challengeId: string; proof: string }> {
    const challenge = await this.#ask('/auth/challenge', {
      agentId: this.id,
      ...(audience !== undefined && { audience }),
    })
    const claims = { ...this.#claims(), iss: this.id, sub: this.id, nonce: challenge.nonce }
    const proof = await signJwt(this.#signer, 'clv-auth+jwt', claims)
    return { challengeId: challenge.challengeId as string, proof }
  }

  /** An assertion for the token endpoint (RFC 7523). */
  assertion(): Promise<string> {
    return signJwt(this.#signer, 'JWT', { ...this.#claims(), iss: this.id, sub: this.id })
  }

  #claims() {
    const iat = Math.floor(Date.now() / 1_000)
    return { aud: this.#gateway.url, iat, exp: iat + 60, jti: randomUUID() }
  }

  async #ask(path: string, asked: object, headers = {}): Promise<Record<string, unknown>> {
    const reply = await this.#gateway.agent('POST', `/claviger/v1${path}`, {
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(asked),
    })
    if (reply.status !== 200) throw new Error(`${path} → ${reply.status} ${reply.text()}`)
    return reply.json() as Record<string, unknown>
  }
}
