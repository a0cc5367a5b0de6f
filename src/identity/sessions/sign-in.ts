/**
 * From a proof to tokens: the way that every door goes. It asks the limits before the work, has every attempt recorded,
 * and says the same to whoever holds no key. It owns nothing.
 */
import type { P256PublicKey } from '../../crypto/p256.ts'
import { Problem } from '../../ground/problem.ts'
import type { Actor } from '../../storage/storage.ts'
import type { AgentKey } from '../keys/key-ring.ts'
import { type Registered, type Registration, register } from '../keys/register.ts'
import type { Room } from '../room.ts'
import type { Attempt, SignInForm, SignInResult } from '../sign-ins/contract.ts'
import { refuseUnlessOk } from '../sign-ins/limits.ts'
import type { SignIns } from '../sign-ins/sign-ins.ts'
import { Challenges, ProofRefused, type Proven } from './challenges.ts'
import { type AccessTyp, REFRESH_LIFE_MS, sessionProblem } from './contract.ts'
import type { Session } from './session-book.ts'
import type { ChallengeRow } from './store.ts'
import { type IssuedTokens, openSession, refreshSession, sessionOfRefresh } from './tokens.ts'

/** Where an attempt comes from. */
export interface From {
  readonly address: string
  readonly userAgent?: string | undefined
  readonly door: string
  readonly rid: string
}

/** What the tokens of a sign-in are to be. */
export interface Wanted {
  readonly typ: AccessTyp
  readonly lifeMs: number
  readonly scope?: string | undefined
  readonly jkt?: string | undefined
  /** Whom the tokens are for where the challenge named nobody; the gateway if absent. */
  readonly audience?: string | undefined
}

export interface SignInNeeds {
  readonly room: Room
  readonly signIns: Pick<SignIns, 'limits' | 'attempt' | 'keyReuse' | 'refreshReuse'>
  /** Claims that stand in tokens for that audience; undefined for one that nobody here knows. */
  readonly claimsFor: (agent: string, audience: string, typ: AccessTyp) => Readonly<Record<string, unknown>> | undefined
}

export interface SignedIn extends IssuedTokens {
  readonly agentId: string
  readonly jkt: string | undefined
  /** In the last fifth of what keys may live here: when this one is refused. */
  readonly keyRefusedAt?: number
}

/** Share of a key's life after which its age is told. */
const WARN_FROM = 0.8

export class SignIn {
  readonly #needs: SignInNeeds
  readonly #challenges: Challenges

  constructor(needs: SignInNeeds) {
    this.#needs = needs
    this.#challenges = new Challenges(needs.room)
  }

  /** Throws Problems `rate_limited`, `audience_unknown`. */
  async challenge(
    asked: { agent: string; audience?: string | undefined; key?: string | undefined },
    from: From,
  ): Promise<ChallengeRow> {
    const agent = this.#needs.room.directory.agent(asked.agent)?.id
    const verdict = this.#needs.signIns.limits.challenge(asked.agent, from.address)
    if (!verdict.ok) this.#note(from, 'challenge', 'rate_limited', agent)
    refuseUnlessOk(verdict)
    if (asked.audience !== undefined) this.claims('', asked.audience, 'at+jwt')
    return this.#challenges.ask(asked)
  }

  /** The strong form. Throws Problems of `sessions/contract.ts`, `key_overdue`, `rate_limited`. */
  byJws(challengeId: string, proof: string, wanted: Wanted, from: From): Promise<SignedIn> {
    return this.#signIn('jws', from, wanted, (admit) => this.#challenges.proveByJws(challengeId, proof, admit))
  }

  /** A signature over bytes that a door's contract names; `form`: whether they bind gateway, agent and audience. */
  bySignature(
    challengeId: string,
    signature: Buffer | undefined,
    signed: { readonly bytesOf: (challenge: ChallengeRow) => readonly Buffer[]; readonly form: 'nonce' | 'bound' },
    wanted: Wanted,
    from: From,
  ): Promise<SignedIn> {
    const { bytesOf, form } = signed
    return this.#signIn(form, from, wanted, (admit) =>
      this.#challenges.proveBySignature(challengeId, signature, bytesOf, form === 'bound', admit),
    )
  }

  /**
   * New tokens for a refresh token. `scope`: of the access token alone, and the caller has seen to it that it is within the
   * session's. Throws Problems `refresh_invalid`, `refresh_reused`, `agent_not_active`, `rate_limited`.
   */
  async refresh(presented: string, jkt: string | undefined, from: From, scope?: string): Promise<SignedIn> {
    const { room, signIns } = this.#needs
    const known = sessionOfRefresh(room, presented)
    const note = (result: SignInResult, session = known) => this.#note(from, 'refresh', result, session?.agent)
    if (known) {
      const verdict = signIns.limits.refresh(known.id)
      if (!verdict.ok) note('rate_limited')
      refuseUnlessOk(verdict)
    }
    const claims = ({ agent, audience, row }: Session) => ({
      ...this.claims(agent, audience, row.typ),
      ...(scope !== undefined && { scope }),
    })
    const reused = (session: Session) => {
      signIns.refreshReuse({ agent: session.agent, family: session.id, address: from.address, rid: from.rid })
      note('replayed', session)
    }
    try {
      const issued = await refreshSession(room, presented, { jkt, claims, reused }, actorOf)
      note('ok')
      return { ...issued, agentId: (known as Session).agent, jkt }
    } catch (error) {
      if (!isProblem(error, 'refresh_reused')) note(isProblem(error, 'agent_not_active') ? 'inactive' : 'refused')
      throw error
    }
  }

  /** Throws Problems of `keys/contract.ts`, `rate_limited`. */
  async register(asked: Registration, from: From): Promise<Registered> {
    const { room, signIns } = this.#needs
    const verdict = 'operator' in Object(asked.behind) ? { ok: true as const } : signIns.limits.register(from.address)
    if (!verdict.ok) this.#note(from, 'register', 'rate_limited')
    refuseUnlessOk(verdict)
    const others = sharers(room, asked.key)
    try {
      const registered = await register(room, asked)
      this.#note(from, 'register', 'ok', registered.agent.id, asked.key.thumbprint)
      return registered
    } catch (error) {
      this.#note(from, 'register', 'refused', undefined, asked.key.thumbprint)
      const [first] = others
      if (first !== undefined && isProblem(error, 'key_taken')) {
        signIns.keyReuse({ agent: first, keyThumbprint: asked.key.thumbprint, others, rid: from.rid })
      }
      throw error
    }
  }

  async #signIn(
    form: SignInForm,
    from: From,
    wanted: Wanted,
    prove: (admit: (challenge: ChallengeRow) => void) => Promise<Proven>,
  ): Promise<SignedIn> {
    const { room, signIns } = this.#needs
    const admit = ({ agent, asked }: ChallengeRow) => {
      const verdict = signIns.limits.authenticate(asked, from.address)
      if (!verdict.ok) this.#note(from, form, 'rate_limited', agent ?? undefined)
      refuseUnlessOk(verdict)
    }
    const { agent, key, challenge } = await prove(admit).catch((error: unknown) => {
      if (!(error instanceof ProofRefused)) throw error
      this.#note(from, form, error.because, error.agent)
      throw error.problem
    })
    const audience = challenge.audience ?? wanted.audience ?? room.issuer()
    const asked = { agent: agent.id, keyId: key.id, audience, refresh: { lifeMs: REFRESH_LIFE_MS } }
    const by: Actor = { kind: 'agent', id: agent.id, key: key.thumbprint }
    const claims = this.claims(agent.id, audience, wanted.typ)
    const issued = await openSession(room, { ...wanted, ...asked, claims }, by)
    this.#note(from, form, 'ok', agent.id, key.thumbprint)
    return { ...issued, agentId: agent.id, jkt: wanted.jkt, ...this.#ageOf(key) }
  }

  /** A warning in the last fifth of what keys may live here. */
  #ageOf({ createdAt }: AgentKey): { keyRefusedAt?: number } {
    const { keyMaxAgeMs, clock } = this.#needs.room
    if (keyMaxAgeMs === undefined || clock.now() - createdAt < keyMaxAgeMs * WARN_FROM) return {}
    return { keyRefusedAt: createdAt + keyMaxAgeMs }
  }

  /** Throws Problem `audience_unknown`. */
  claims(agent: string, audience: string, typ: AccessTyp): Readonly<Record<string, unknown>> {
    const claims = this.#needs.claimsFor(agent, audience, typ)
    if (claims === undefined) throw sessionProblem('audience_unknown')
    return claims
  }

  #note(from: From, form: SignInForm, result: SignInResult, agent?: string, keyThumbprint?: string): void {
    const attempt: Attempt = { ...from, form, result, agent, keyThumbprint }
    this.#needs.signIns.attempt(attempt)
  }
}

function sharers({ keys }: Room, { thumbprint }: P256PublicKey): string[] {
  return keys.withThumbprint(thumbprint).map(({ agent }) => agent)
}

function actorOf({ agent, id }: Session): Actor {
  return { kind: 'agent', id: agent, key: id }
}

function isProblem(error: unknown, code: string): boolean {
  return error instanceof Problem && error.code === code
}
