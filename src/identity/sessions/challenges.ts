/**
 * Challenges and what answers them. Invariant: a challenge is taken away before its answer is looked at, so that it is good
 * for one try; who asks for an agent that is not there gets a challenge like everybody, and is refused in the same words
 * after the same work.
 */
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { domain, lp } from '../../crypto/framing.ts'
import { readJws } from '../../crypto/jws.ts'
import { hmac } from '../../crypto/mac.ts'
import { verifyP256 } from '../../crypto/p256.ts'
import { newOrderedId } from '../../ground/ids.ts'
import type { Agent } from '../directory.ts'
import { markBound } from '../keys/agent-keys.ts'
import { keyProblem } from '../keys/contract.ts'
import { isFresh } from '../keys/fresh.ts'
import type { AgentKey } from '../keys/key-ring.ts'
import type { Room } from '../room.ts'
import type { SignInResult } from '../sign-ins/contract.ts'
import { CHALLENGE_LIFE_MS, sessionProblem } from './contract.ts'
import { purgeSessions } from './purge.ts'
import { addChallenge, type ChallengeRow, dropOldChallenges, takeChallenge } from './store.ts'

export const AUTH_TYP = 'clv-auth+jwt'
const SWEEP_MS = 60_000

/** What somebody shows a challenge for. */
export interface Proven {
  readonly agent: Agent
  readonly key: AgentKey
  readonly challenge: ChallengeRow
}

/** Why a proof was refused, for the record; the caller is told the same for most of them. */
export type RefusedBecause = Exclude<SignInResult, 'ok'>

export class ProofRefused extends Error {
  readonly because: RefusedBecause
  readonly agent: string | undefined
  readonly problem: Error

  constructor(because: RefusedBecause, agent: string | undefined, problem: Error) {
    super(because)
    this.because = because
    this.agent = agent
    this.problem = problem
  }
}

/** Asked before the work of verifying: may throw. */
export type Admit = (challenge: ChallengeRow) => void

/** A key that nobody has: what is signed for an agent that is not there is checked against it. */
const nobody = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey

export class Challenges {
  readonly #room: Room
  #sweptAt = 0

  constructor(room: Room) {
    this.#room = room
  }

  /**
   * `agent`: an id; a name would give the id away to whoever guesses it. `key`: an agent's key, where the caller says which
   * one it will use. Throws Problem `vault_sealed`.
   */
  async ask(asked: { agent: string; audience?: string | undefined; key?: string | undefined }): Promise<ChallengeRow> {
    const { directory, keys, clock, storage, pepper } = this.#room
    const pepperKey = pepper().key // sealed, nobody is known
    const now = clock.now()
    const known = directory.agent(asked.agent)
    const agent = known?.id === asked.agent ? known : undefined
    const key = asked.key === undefined ? undefined : keys.key(asked.key)
    const asks = {
      id: newOrderedId('chal', now),
      agent: agent?.id ?? null,
      asked: asked.agent,
      audience: asked.audience ?? null,
      key: key !== undefined && key.agent === agent?.id ? key.id : null,
      expires_at: now + CHALLENGE_LIFE_MS,
    }
    const row: ChallengeRow = { ...asks, nonce: nonceOf(pepperKey, asks) }
    await addChallenge(storage, row)
    if (now - this.#sweptAt > SWEEP_MS) {
      this.#sweptAt = now
      // Expired ones are told from unknown ones for a while.
      await dropOldChallenges(storage, now - 2 * CHALLENGE_LIFE_MS)
      await purgeSessions(this.#room)
    }
    return row
  }

  /** The strong form: a JWS that names this gateway, the agent and the nonce. Throws ProofRefused. */
  async proveByJws(challengeId: string, proof: string, admit: Admit): Promise<Proven> {
    const challenge = await this.#take(challengeId, admit)
    const read = readJws(proof, { typ: [AUTH_TYP] })
    const named =
      read?.header.kid === undefined
        ? undefined
        : this.#keysFor(challenge).find((key) => key.thumbprint === read.header.kid)
    const signed = verifyP256(named?.key ?? nobody, read?.signingInput ?? empty, read?.signature ?? noSignature)
    const good = signed && named !== undefined && read !== undefined && this.#claimsHold(challenge, read.payload)
    const proven = this.#proven(challenge, good ? named : undefined)
    await markBound(this.#room, proven.key)
    return proven
  }

  /** A signature over bytes that a door's contract names. `bound`: whether they bind gateway, agent and audience. */
  async proveBySignature(
    challengeId: string,
    signature: Buffer | undefined,
    bytesOf: (challenge: ChallengeRow) => readonly Buffer[],
    bound: boolean,
    admit: Admit,
  ): Promise<Proven> {
    const challenge = await this.#take(challengeId, admit)
    const candidates = this.#keysFor(challenge)
    const messages = bytesOf(challenge)
    let signer: AgentKey | undefined
    for (const key of candidates) {
      if (messages.some((bytes) => verifyP256(key.key, bytes, signature ?? noSignature))) signer = key
      if (signer !== undefined) break
    }
    if (candidates.length === 0) for (const bytes of messages) verifyP256(nobody, bytes, signature ?? noSignature)
    const proven = this.#proven(challenge, signer)
    if (bound) await markBound(this.#room, proven.key)
    else if (proven.key.bound) throw refused('wrong_form', proven.agent.id, sessionProblem('bare_nonce_refused'))
    return proven
  }

  async #take(id: string, admit: Admit): Promise<ChallengeRow> {
    const { key } = this.#room.pepper()
    const challenge = await takeChallenge(this.#room.storage, id)
    if (challenge === undefined) throw refused('unknown_challenge', undefined, sessionProblem('proof_refused'))
    if (this.#room.clock.now() >= challenge.expires_at)
      throw refused('expired', challenge.agent ?? undefined, sessionProblem('challenge_expired'))
    const isOurs = challenge.nonce === nonceOf(key, challenge)
    if (!isOurs) throw refused('unknown_challenge', undefined, sessionProblem('proof_refused'))
    admit(challenge)
    return challenge
  }

  #keysFor({ agent, key }: ChallengeRow): AgentKey[] {
    const { keys, clock } = this.#room
    const live = agent === null ? [] : keys.live(agent, clock.now())
    return key === null ? live : live.filter(({ id }) => id === key)
  }

  #claimsHold({ agent, nonce }: ChallengeRow, claims: Readonly<Record<string, unknown>>): boolean {
    const { aud, iss, sub, jti } = claims
    if (aud !== this.#room.issuer() || iss !== agent || sub !== agent || claims.nonce !== nonce) return false
    if (typeof jti !== 'string' || jti.length === 0 || jti.length > 128) return false
    return isFresh(claims, this.#room.clock.now())
  }

  /** The signer may sign in, or it is said why not: only to whoever holds its key. */
  #proven(challenge: ChallengeRow, key: AgentKey | undefined): Proven {
    const { directory, clock, keyMaxAgeMs } = this.#room
    const agent = challenge.agent === null ? undefined : directory.agent(challenge.agent)
    if (agent === undefined) throw refused('unknown_agent', undefined, sessionProblem('proof_refused'))
    if (key === undefined) throw refused('bad_signature', agent.id, sessionProblem('proof_refused'))
    if (agent.status !== 'active') throw refused('inactive', agent.id, sessionProblem('agent_not_active'))
    if (!directory.isTrustedSince(agent, key)) throw refused('inactive', agent.id, sessionProblem('agent_stopped'))
    if (key.isOverdue(clock.now(), keyMaxAgeMs)) throw refused('key_overdue', agent.id, keyProblem('key_overdue'))
    return { agent, key, challenge }
  }
}

const NONCE = domain('challenge-nonce')
const empty = Buffer.alloc(0)
/** In range, so that checking it takes as long as checking any. */
const noSignature = Buffer.alloc(64, 1)

/**
 * 256 bits that nobody can tell from random ones without the pepper, and of which the whole row can be told: one that others
 * laid there, or made longer, is none of ours, so that an answer that was seen once is not worth anything again.
 */
function nonceOf(pepper: KeyObject, row: Omit<ChallengeRow, 'nonce'>): string {
  const { id, agent, asked, audience, key, expires_at } = row
  const parts = [id, agent, asked, audience, key].map((part) => lp(part ?? ''))
  return hmac(pepper, NONCE, ...parts, lp(expires_at)).toString('hex')
}

function refused(because: RefusedBecause, agent: string | undefined, problem: Error): ProofRefused {
  return new ProofRefused(because, agent, problem)
}
