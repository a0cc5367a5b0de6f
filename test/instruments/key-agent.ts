import type { KeyObject } from 'node:crypto'
import { keySigner, signJwt } from '../../src/crypto/es256-signer.ts'
import { fromKey } from '../../src/crypto/p256.ts'
import type { Gateway } from './gateway.ts'
import { heldKey, newKeys, proofClaims } from './proofs.ts'
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

  private constructor(gateway: Gateway, id: string, privateKey: KeyObject) {
    this.#gateway = gateway
    this.id = id
    this.privateKey = privateKey
    this.thumbprint = fromKey(privateKey).thumbprint
  }

  /** Added by the operator, with a new key. */
  static async add(gateway: Gateway, name: string, more: { email?: string } = {}): Promise<KeyAgent> {
    const { id } = await gateway.does<{ id: string }>('POST', '/agents', { name, ...more })
    const keys = newKeys()
    await gateway.does('POST', `/agents/${id}/keys`, await heldKey(gateway.url, keys, { sub: id }))
    return new KeyAgent(gateway, id, keys.privateKey)
  }

  /** Shows an invite for a new key, which is forgotten. */
  async rekey(invite: string): Promise<Reply> {
    const key = await heldKey(this.#gateway.url, newKeys())
    return this.#gateway.agent('POST', '/claviger/v1/agents/register', {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'anything', ...key, invite }),
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
    return { challengeId: challenge.challengeId as string, proof: await this.prove(challenge.nonce as string) }
  }

  /** The proof for this nonce: signed by another key if told so, and said to be by this agent's all the same. */
  prove(nonce: string, key = this.privateKey): Promise<string> {
    return this.#sign('clv-auth+jwt', { nonce }, key)
  }

  /** An assertion for the token endpoint (RFC 7523). */
  assertion(): Promise<string> {
    return this.#sign('JWT')
  }

  #sign(typ: string, more: object = {}, key = this.privateKey): Promise<string> {
    const claims = { ...proofClaims(this.#gateway.url), iss: this.id, sub: this.id, ...more }
    return signJwt(keySigner(this.thumbprint, key), typ, claims)
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
