/**
 * Clients prove who they are by a JWT that they sign with their registered key (`private_key_jwt`, RFC 7523 §3), and in no
 * other way. Invariant: one verification, whether the agent and the key that are named are there or not; an
 * assertion is good once.
 */
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { type ReadJws, readJws } from '../../crypto/jws.ts'
import type { Problem } from '../../ground/problem.ts'
import type { Agent } from '../directory.ts'
import { markBound } from '../keys/agent-keys.ts'
import type { AgentKey } from '../keys/key-ring.ts'
import type { Room } from '../room.ts'
import type { From } from '../sessions/sign-in.ts'
import type { SignInForm, SignInResult } from '../sign-ins/contract.ts'
import { refuseUnlessOk } from '../sign-ins/limits.ts'
import type { SignIns } from '../sign-ins/sign-ins.ts'
import { type ClientForm, JWT_BEARER, oauthProblem } from './contract.ts'
import { UsedAssertions } from './used-assertions.ts'

/** A client that proved who it is. */
export interface ProvenClient {
  readonly agent: Agent
  readonly key: AgentKey
}

export interface ClientAssertionNeeds {
  readonly room: Room
  readonly signIns: Pick<SignIns, 'limits' | 'attempt'>
  /** Whom an assertion may be for: the issuer, and the endpoint it is sent to. */
  readonly audiences: () => readonly string[]
}

const TYPS = [undefined, 'JWT', 'client-authentication+jwt'] as const
const MOST_LIFE_S = 300
const LEEWAY_S = 5
const MOST_JTI = 128
/** A key that nobody has: what names no key of ours is checked against it. */
const nobody = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey

export class ClientAssertions {
  readonly #needs: ClientAssertionNeeds
  readonly #used: UsedAssertions

  constructor(needs: ClientAssertionNeeds) {
    this.#needs = needs
    this.#used = new UsedAssertions(needs.room.storage, needs.room.clock)
  }

  /** Who asks. `tries`: what for, as it is recorded when it fails. Throws Problems `invalid_client`, `rate_limited`. */
  async prove(form: ClientForm, from: From, tries: SignInForm): Promise<ProvenClient> {
    const assertion = assertionIn(form)
    const read = readJws(assertion, { typ: TYPS })
    const named = this.#named(read, form)
    this.#admit(named.agent, form, from, tries)
    const fail = (result: SignInResult, problem: Problem = refused()) => {
      this.#needs.signIns.attempt({
        ...from,
        form: tries,
        result,
        agent: named.agent?.id,
        keyThumbprint: named.key?.thumbprint,
      })
      return problem
    }
    const holds = await this.#holds(assertion, named.key?.key ?? nobody, named.agent?.id ?? '')
    if (read === undefined) throw fail('malformed')
    const { agent, key } = named
    if (agent === undefined) throw fail('unknown_agent')
    if (!holds || key === undefined || !this.#claimsHold(read.payload)) throw fail('bad_signature')
    this.#refuseUnlessMay({ agent, key }, fail)
    const until = (read.payload.exp as number) * 1_000 + LEEWAY_S * 1_000
    if (!(await this.#used.use(agent.id, read.payload.jti as string, until))) throw fail('replayed')
    await markBound(this.#needs.room, key)
    return { agent, key }
  }

  /** The agent and the key that the assertion names, nothing proven. Without a `kid` it is the one key there is. */
  #named(read: ReadJws | undefined, { client_id: id }: ClientForm): { agent?: Agent; key?: AgentKey | undefined } {
    const { directory, keys, clock } = this.#needs.room
    const subject = read?.payload.sub
    if (read === undefined || typeof subject !== 'string' || (id !== undefined && id !== subject)) return {}
    const agent = directory.agent(subject)
    if (agent?.id !== subject) return {}
    const live = keys.live(agent.id, clock.now())
    const { kid } = read.header
    const key =
      kid === undefined ? (live.length === 1 ? live[0] : undefined) : live.find((one) => one.thumbprint === kid)
    return { agent, key }
  }

  #admit(agent: Agent | undefined, { client_id: id }: ClientForm, from: From, form: SignInForm): void {
    const { signIns } = this.#needs
    const verdict = signIns.limits.authenticate(agent?.id ?? id ?? from.address, from.address)
    if (!verdict.ok) signIns.attempt({ ...from, form, result: 'rate_limited', agent: agent?.id })
    refuseUnlessOk(verdict)
  }

  /** Signature and claims (RFC 7519 §7.2), by jose: this is no hot path, and what others sign comes in many forms. */
  async #holds(assertion: string, key: KeyObject, agent: string): Promise<boolean> {
    const { audiences, room } = this.#needs
    const options = {
      algorithms: ['ES256'],
      issuer: agent,
      subject: agent,
      audience: [...audiences()],
      requiredClaims: ['exp', 'jti'],
      clockTolerance: LEEWAY_S,
      currentDate: new Date(room.clock.now()),
    }
    // Loaded when it is first wanted: most gateways never see such a client.
    const { jwtVerify } = await import('jose/jwt/verify')
    return jwtVerify(assertion, key, options).then(
      () => true,
      () => false,
    )
  }

  /** What jose leaves open: one audience, a short life, an `iat` that has come, a `jti` that can be kept. */
  #claimsHold({ aud, exp, iat, jti }: ReadJws['payload']): boolean {
    const now = this.#needs.room.clock.now() / 1_000
    if (Array.isArray(aud) && aud.length !== 1) return false
    if (typeof exp !== 'number' || exp > now + MOST_LIFE_S + LEEWAY_S) return false
    if (iat !== undefined && (typeof iat !== 'number' || iat > now + LEEWAY_S || exp - iat > MOST_LIFE_S + LEEWAY_S))
      return false
    return typeof jti === 'string' && jti.length > 0 && jti.length <= MOST_JTI
  }

  /** Said only to whoever holds the key. */
  #refuseUnlessMay({ agent, key }: ProvenClient, fail: (result: SignInResult, problem: Problem) => Problem): void {
    const { clock, keyMaxAgeMs } = this.#needs.room
    if (agent.status !== 'active') throw fail('inactive', refused(`The agent is ${agent.status}`))
    if (!this.#needs.room.directory.isTrustedSince(agent, key))
      throw fail('inactive', refused('Everything was revoked: an operator must unlock the agent'))
    if (key.isOverdue(clock.now(), keyMaxAgeMs))
      throw fail('key_overdue', refused('The key is older than keys may be here: rotate it'))
  }
}

/** Throws Problem `invalid_client` where there is none, or another kind of proof. */
function assertionIn({
  client_assertion: assertion,
  client_assertion_type: type,
  client_secret: secret,
}: ClientForm): string {
  if (assertion === undefined || type !== JWT_BEARER || secret !== undefined) {
    throw refused(`Send client_assertion, and client_assertion_type=${JWT_BEARER}`)
  }
  return assertion
}

function refused(detail?: string): Problem {
  return oauthProblem('invalid_client', detail === undefined ? {} : { detail })
}
