// The passkey behind an approval: what the authenticator signs is made of the digest of the action that was shown, so the
// assertion that is kept proves to anybody what was agreed to.
import { createHash, randomBytes } from 'node:crypto'
import { fromBase64url, toBase64url } from '../../crypto/base64url.ts'
import { domain, lp } from '../../crypto/framing.ts'
import type { Clock } from '../../ground/clock.ts'
import type { OperatorId } from '../../ground/ids.ts'
import { roleSuffices } from '../../http/endpoint.ts'
import { readClientData, refusedPasskey } from './ceremony.ts'
import { Challenges } from './challenges.ts'
import { type AssertionResponse, peopleProblem } from './contract.ts'
import { type Party, partyOf } from './party.ts'
import { asserted, requestOptions, usable } from './proving.ts'
import type { PeopleRoom } from './room.ts'
import { requireActive } from './roster.ts'

const LIFE_MS = 120_000
const APPROVE = domain('webauthn-approve')
const ASSERTION = domain('webauthn-assertion')

export interface ApprovalAsked {
  readonly approvalId: string
  /** SHA-256 of the canonical action, hex. */
  readonly digest: string
  readonly operator: OperatorId
}

/** How an approval was answered, as the approvals room keeps it. */
export interface PasskeyVerdict {
  readonly operator: OperatorId
  readonly name: string
  readonly assurance: 'passkey'
  readonly channel: 'console'
  /** base64url. `SHA-256(D("webauthn-approve") ‖ digest ‖ nonce)` is the challenge in `clientDataJSON`. */
  readonly assertion: {
    readonly credentialId: string
    /** `SHA-256(D("webauthn-assertion") ‖ lp(clientDataJSON) ‖ lp(authenticatorData) ‖ lp(signature))`. */
    readonly sha256: string
    readonly nonce: string
    readonly clientDataJSON: string
    readonly authenticatorData: string
    readonly signature: string
  }
}

interface Open extends Omit<ApprovalAsked, 'operator'> {
  /** Undefined where nobody said who would answer. */
  readonly operator: OperatorId | undefined
  readonly party: Party
  readonly nonce: Uint8Array
}

export class ApprovalProofs {
  readonly #room: PeopleRoom
  readonly #open: Challenges<Open>
  /** Of whoever did not say who they are: a flood of these drives out none of the others. */
  readonly #anybodys: Challenges<Open>

  constructor(room: PeopleRoom, clock: Clock) {
    this.#room = room
    this.#open = new Challenges(clock, LIFE_MS)
    this.#anybodys = new Challenges(clock, LIFE_MS)
  }

  /**
   * What an operator's authenticator is to sign, at the page with this origin. Good once, for 120 s.
   * Throws Problems `operator_unknown`, `operator_revoked`, `origin_refused`.
   */
  async challenge({ approvalId, digest, operator }: ApprovalAsked, origin: string) {
    const party = partyOf(this.#room.parties(), origin)
    if (party === undefined) throw peopleProblem('origin_refused')
    requireActive(this.#room.identity, operator)
    return this.#ask({ approvalId, digest, operator, party, nonce: randomBytes(32) })
  }

  /** The same for whoever comes: the authenticator has them choose, and the assertion says who they are. */
  challengeAnybody({ approvalId, digest }: Omit<ApprovalAsked, 'operator'>, party: Party) {
    return this.#ask({ approvalId, digest, operator: undefined, party, nonce: randomBytes(32) })
  }

  /**
   * Judges an operator's answer to the challenge of this approval, of this digest. Throws Problem `passkey_refused`: the
   * answer is to another approval, to none, a second one, late, by somebody else, or by whoever may not approve.
   */
  async verify(
    asked: ApprovalAsked & {
      readonly assertion: AssertionResponse
      /** Whether a member may answer it too: their own agent asks. */
      readonly asMember?: boolean
    },
  ): Promise<PasskeyVerdict> {
    const { approvalId, digest, operator, assertion, asMember } = asked
    const text = challengeIn(assertion)
    const said = this.#open.take(text) ?? this.#anybodys.take(text)
    const whose = said?.operator ?? operator
    const same = said?.approvalId === approvalId && said.digest === digest && whose === operator
    if (said === undefined || !same) throw refusedPasskey('challenge')
    const known = requireActive(this.#room.identity, operator)
    const may = known.role === 'member' ? asMember === true : roleSuffices(known.role, 'approver')
    if (!may) throw refusedPasskey('role')
    const { party, nonce } = said
    const challenge = toBase64url(approvalChallenge(digest, nonce))
    readClientData(assertion.response.clientDataJSON, 'webauthn.get', party)
    const ev = { what: 'operator.approval_signed', approval: approvalId, digest }
    await asserted(this.#room, assertion, { challenge, party }, ev, operator)
    return {
      ...{ operator, name: known.name, assurance: 'passkey', channel: 'console' },
      assertion: assertionOf(assertion, nonce),
    }
  }

  clear(): void {
    this.#open.clear()
    this.#anybodys.clear()
  }

  #ask(asked: Open) {
    const { digest, operator, party, nonce } = asked
    const challenge = approvalChallenge(digest, nonce)
    const kept = operator === undefined ? this.#anybodys : this.#open
    kept.open(challenge, asked)
    const mine = operator === undefined ? [] : usable(this.#room, operator, party)
    return requestOptions(challenge, party, mine, LIFE_MS)
  }
}

/** `SHA-256(D("webauthn-approve") ‖ digest ‖ nonce)`, the digest as its 32 bytes. */
export function approvalChallenge(digest: string, nonce: Uint8Array): Buffer {
  if (!/^[0-9a-f]{64}$/.test(digest)) throw new TypeError('an approval’s digest is 64 hex characters')
  return createHash('sha256').update(APPROVE).update(Buffer.from(digest, 'hex')).update(nonce).digest()
}

function assertionOf({ id, response }: AssertionResponse, nonce: Uint8Array): PasskeyVerdict['assertion'] {
  const { clientDataJSON, authenticatorData, signature } = response
  const hash = createHash('sha256').update(ASSERTION)
  for (const part of [clientDataJSON, authenticatorData, signature]) hash.update(lp(fromBase64url(part) as Buffer))
  const sha256 = hash.digest('base64url')
  return { credentialId: id, sha256, nonce: toBase64url(nonce), clientDataJSON, authenticatorData, signature }
}

/** Read leniently, to find what was asked; what it says is judged afterwards. */
function challengeIn({ response }: AssertionResponse): string {
  try {
    const data: unknown = JSON.parse(Buffer.from(response.clientDataJSON, 'base64url').toString('utf8'))
    const { challenge } = Object(data) as { challenge?: unknown }
    return typeof challenge === 'string' ? challenge : ''
  } catch {
    return ''
  }
}
