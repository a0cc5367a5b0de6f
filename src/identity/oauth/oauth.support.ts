// For tests: the OAuth endpoints on a real room, and an agent that signs for itself.
import { generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto'
import { fromKey } from '../../crypto/p256.ts'
import { by, TestIdentity } from '../identity.support.ts'
import { register } from '../keys/register.ts'
import { type From, SignIn } from '../sessions/sign-in.ts'
import type { Attempt } from '../sign-ins/contract.ts'
import { type LimitSettings, SignInLimits } from '../sign-ins/limits.ts'
import { JWT_BEARER, type TokenForm } from './contract.ts'
import { compact } from './jwt-forgeries.support.ts'
import { OAuth } from './oauth.ts'

export const from: From = { address: '198.51.100.7', door: 'oauth', rid: 'call_1' }
const off: LimitSettings = {
  register: 'off',
  challenge: 'off',
  challengeAddress: 'off',
  authenticate: 'off',
  refresh: 'off',
  verify: 'off',
  trust: 'off',
  metadata: 'off',
}

export interface TestAgent {
  readonly id: string
  readonly keyId: string
  readonly key: KeyObject
  readonly publicKey: KeyObject
  readonly kid: string
}

export class TestOAuth extends TestIdentity {
  limits: Partial<LimitSettings> = {}
  attempts: Attempt[] = []
  oauth!: OAuth
  #count = 0

  override async start(): Promise<this> {
    await super.start()
    const { room, accessTokens } = this.identity
    const signIns = {
      limits: new SignInLimits(this.clock, { ...off, ...this.limits }),
      attempt: (attempt: Attempt) => void this.attempts.push(attempt),
      keyReuse: () => {},
      refreshReuse: () => {},
    }
    const claimsFor = (_agent: string, audience: string) =>
      audience === this.issuer
        ? {}
        : audience === 'rel_shop'
          ? { roles: ['buyer'], permissions: [], trustScore: 5 }
          : undefined
    this.oauth = new OAuth({
      room,
      accessTokens,
      signIns,
      signIn: new SignIn({ room, signIns, claimsFor }),
      audienceOf: (name) => (name === 'shop' || name === 'rel_shop' ? 'rel_shop' : undefined),
      revokeShown: (token) => this.identity.sessions.revokeShown(token),
    })
    return this
  }

  /** A new agent with a key. */
  async agent(): Promise<TestAgent> {
    const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    this.#count += 1
    const asked = { name: `agent-${this.#count}`, key: fromKey(pair.publicKey), proven: true, behind: { operator: by } }
    const { agent, key } = await register(this.identity.room, asked)
    return { id: agent.id, keyId: key.id, key: pair.privateKey, publicKey: pair.publicKey, kid: key.thumbprint }
  }

  get seconds(): number {
    return Math.floor(this.clock.now() / 1_000)
  }

  claimsOf({ id }: TestAgent): Record<string, unknown> {
    const iat = this.seconds
    return { iss: id, sub: id, aud: this.issuer, jti: randomUUID(), iat, nbf: iat, exp: iat + 60 }
  }

  assertion(agent: TestAgent, claims: object = {}, header: object = {}): string {
    return compact({ alg: 'ES256', kid: agent.kid, ...header }, { ...this.claimsOf(agent), ...claims }, agent.key)
  }

  /** What a client sends to prove who it is. */
  proof(assertion: string): { client_assertion_type: string; client_assertion: string } {
    return { client_assertion_type: JWT_BEARER, client_assertion: assertion }
  }

  token(form: Partial<TokenForm>, jkt?: string) {
    return this.oauth.token({ form: form as TokenForm, from, jkt })
  }

  /** With a fresh proof of that agent. */
  ask(agent: TestAgent, form: Partial<TokenForm>, jkt?: string) {
    return this.token({ ...this.proof(this.assertion(agent)), ...form }, jkt)
  }
}
