// A session of an operator, as this door's clients carry it: a signed token that names the session and is nothing without it.
import { signJwt } from '../../crypto/es256-signer.ts'
import { readJws } from '../../crypto/jws.ts'
import { verifyP256 } from '../../crypto/p256.ts'
import { roleSuffices } from '../../http/endpoint.ts'
import { headerOf } from '../../http/header-of.ts'
import type { PlainAsked } from '../../http/plain-routes.ts'
import { httpProblem } from '../../http/problems.ts'
import type { OperatorPrincipal } from '../../identity/contract.ts'
import { peopleProblem } from '../../identity/people/contract.ts'
import type { PersonSession } from '../../identity/people/person-sessions.ts'
import type { PeopleNeeds } from './people-needs.ts'

const AUDIENCE = 'clawgate-session'
const TYPE = 'clawgate-session+jwt'

export type Person = OperatorPrincipal & { readonly session: PersonSession }

export interface Wanted {
  readonly role?: 'auditor' | 'approver' | 'owner'
  /** A proof that is not older than five minutes. */
  readonly fresh?: true
  /** Also for a session by recovery code. */
  readonly recovery?: true
}

export class PersonTokens {
  readonly #needs: PeopleNeeds

  constructor(needs: PeopleNeeds) {
    this.#needs = needs
  }

  /** Ends with the session: idle for an hour, after 24 hours, when somebody ends it, when the vault is sealed. */
  issue({ id, operator, createdAt, expiresAt }: PersonSession): Promise<string> {
    const { signing, issuer } = this.#needs
    const [iat, exp] = [createdAt, expiresAt].map((ms) => Math.floor(ms / 1_000))
    const claims = { iss: issuer(), aud: AUDIENCE, sub: operator, sid: id, iat, exp, typ: 'session' }
    return signJwt(signing.active(), TYPE, claims)
  }

  /**
   * Who asks. Throws Problems `unauthenticated`, and `recovery_session`, `role_refused`, `verification_wanted` for whom this
   * is not for.
   */
  person(asked: PlainAsked, { role = 'auditor', fresh, recovery }: Wanted = {}): Person {
    const bearer = /^Bearer +(\S+)$/i.exec(headerOf(asked.request.rawHeaders, 'authorization') ?? '')?.[1]
    const person = bearer === undefined ? undefined : this.#personOf(bearer)
    if (person === undefined) return this.#needs.refuseUnknown(bearer)
    const { session, operator } = person
    if (session.recovery) {
      if (recovery !== true) throw peopleProblem('recovery_session')
      return person
    }
    if (!roleSuffices(operator.role, role)) throw httpProblem('role_refused', { facts: { role } })
    if (fresh === true && !session.isFresh()) throw peopleProblem('verification_wanted')
    return person
  }

  #personOf(text: string): Person | undefined {
    const { signing, people } = this.#needs
    const read = readJws(text, { typ: [TYPE] })
    const key = read?.header.kid === undefined ? undefined : signing.find(read.header.kid)?.key
    if (read === undefined || key === undefined || !verifyP256(key, read.signingInput, read.signature)) return undefined
    const { aud, sid } = read.payload
    if (aud !== AUDIENCE || typeof sid !== 'string') return undefined
    const session = people.room.sessions.seen(sid)
    const operator = session && people.room.identity.directory.operator(session.operator)
    if (session === undefined || operator?.status !== 'active') return undefined
    return { kind: 'operator', id: operator.id, operator, token: session.entry, session }
  }
}
