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
import type { MemberRequestRow } from '../../identity/people/store.ts'
import type { PeopleNeeds } from './people-needs.ts'

const AUDIENCE = 'clawgate-session'
const TYPE = 'clawgate-session+jwt'
/** Of somebody whose address is not proved: it opens nothing but the proof. */
const REQUEST_TYPE = 'clawgate-registration+jwt'

export type Person = OperatorPrincipal & { readonly session: PersonSession }

export interface Wanted {
  readonly role?: 'auditor' | 'approver' | 'owner'
  /** A proof that is not older than five minutes. */
  readonly fresh?: true
  /** Also for a session by recovery code. */
  readonly recovery?: true
  /** Also for a member, who is no operator: what is done is theirs alone. */
  readonly member?: true
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

  issueRequest({ id, created_at, expires_at }: MemberRequestRow): Promise<string> {
    const { signing, issuer } = this.#needs
    const [iat, exp] = [created_at, expires_at].map((ms) => Math.floor(ms / 1_000))
    const claims = { iss: issuer(), aud: AUDIENCE, sub: id, iat, exp, typ: 'registration' }
    return signJwt(signing.active(), REQUEST_TYPE, claims)
  }

  /** Whose registration this is. Throws Problem `unauthenticated`, for one that is over too. */
  request(asked: PlainAsked): MemberRequestRow {
    const found = this.requestIn(asked)
    return found ?? this.#needs.refuseUnknown(bearerOf(asked))
  }

  requestIn(asked: PlainAsked): MemberRequestRow | undefined {
    const { sub } = this.#claimsOf(bearerOf(asked) ?? '', REQUEST_TYPE) ?? {}
    return typeof sub === 'string' ? this.#needs.people.members.request(sub) : undefined
  }

  /**
   * Who asks. Throws Problems `unauthenticated`, and `recovery_session`, `role_refused`, `verification_wanted` for whom this
   * is not for.
   */
  person(asked: PlainAsked, { role = 'auditor', fresh, recovery, member }: Wanted = {}): Person {
    const bearer = bearerOf(asked)
    const person = bearer === undefined ? undefined : this.#personOf(bearer)
    if (person === undefined) return this.#needs.refuseUnknown(bearer)
    const { session, operator } = person
    if (session.recovery) {
      if (recovery !== true) throw peopleProblem('recovery_session')
      return person
    }
    const may = operator.role === 'member' ? member === true : roleSuffices(operator.role, role)
    if (!may) throw httpProblem('role_refused', { facts: { role } })
    if (fresh === true && !session.isFresh()) throw peopleProblem('verification_wanted')
    return person
  }

  /** Undefined for what is not signed by us, or for something else. */
  #claimsOf(text: string, typ: string): Readonly<Record<string, unknown>> | undefined {
    const read = readJws(text, { typ: [typ] })
    const key = read?.header.kid === undefined ? undefined : this.#needs.signing.find(read.header.kid)?.key
    if (read === undefined || key === undefined || !verifyP256(key, read.signingInput, read.signature)) return undefined
    return read.payload.aud === AUDIENCE ? read.payload : undefined
  }

  #personOf(text: string): Person | undefined {
    const { people } = this.#needs
    const { sid } = this.#claimsOf(text, TYPE) ?? {}
    if (typeof sid !== 'string') return undefined
    const session = people.room.sessions.seen(sid)
    const operator = session && people.room.identity.directory.operator(session.operator)
    if (session === undefined || operator?.status !== 'active') return undefined
    return { kind: 'operator', id: operator.id, operator, token: session.entry, session }
  }
}

function bearerOf({ request }: PlainAsked): string | undefined {
  return /^Bearer +(\S+)$/i.exec(headerOf(request.rawHeaders, 'authorization') ?? '')?.[1]
}
