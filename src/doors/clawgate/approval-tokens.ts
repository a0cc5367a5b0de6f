// The short token that proves a yes to whoever carries the action out (§4). It stands on the approval: what ends that ends it.
import { signJwt } from '../../crypto/es256-signer.ts'
import { readJws } from '../../crypto/jws.ts'
import { verifyP256 } from '../../crypto/p256.ts'
import type { Actor } from '../../storage/storage.ts'
import { AUDIENCE, TOKEN_LIFE_SECONDS, TOKEN_TYPE } from './contract.ts'
import type { ClawGateNeeds } from './needs.ts'
import { isStated, type Stated } from './states.ts'

export type TokenFault =
  | 'expired'
  | 'revoked'
  | 'consumed'
  | 'wrong_action'
  | 'wrong_agent'
  | 'bad_signature'
  | 'malformed'

export interface Verdict {
  readonly valid: boolean
  readonly claims?: Readonly<Record<string, unknown>>
  readonly error?: TokenFault
}

/** Of which the text is remembered, so that each poll gets the same. */
const MOST = 1_000
/** Whoever shows a token: nobody else is known. */
const BEARER: Actor = { kind: 'system', id: 'clawgate-verify' }

export class ApprovalTokens {
  readonly #needs: ClawGateNeeds
  readonly #made = new Map<string, Promise<string>>()

  constructor(needs: ClawGateNeeds) {
    this.#needs = needs
  }

  /** The token of a yes that is still good; undefined for any other. */
  tokenOf(approval: Stated): Promise<string> | undefined {
    const { status, id, verdicts } = approval
    const end = verdicts.at(-1)
    if (end === undefined || (status !== 'approved' && status !== 'consumed')) return undefined
    if (this.#needs.clock.now() >= endOf(end.at) * 1_000) return undefined
    const known = this.#made.get(id)
    if (known !== undefined) return known
    if (this.#made.size >= MOST) this.#made.clear()
    const made = signJwt(this.#needs.signing.active(), TOKEN_TYPE, this.#claims(approval))
    this.#made.set(id, made)
    made.catch(() => this.#made.delete(id))
    return made
  }

  /** `consume` takes the yes: of all who ask, one gets it. */
  async verify(asked: {
    readonly token: string
    readonly actionHash?: string | undefined
    readonly agentId?: string | undefined
    readonly consume: boolean
  }): Promise<Verdict> {
    const read = this.#read(asked.token)
    if (typeof read === 'string') return { valid: false, error: read }
    const { approval, claims } = read
    this.#needs.limitVerify(approval.agent)
    const fault = this.#faultOf(approval, claims)
    if (fault !== undefined) return { valid: false, error: fault }
    const { payloadHash, agent } = approval.action
    if (asked.actionHash !== undefined && asked.actionHash !== payloadHash)
      return { valid: false, error: 'wrong_action' }
    const { agentId } = asked
    if (agentId !== undefined && agentId !== agent.name && agentId !== agent.id)
      return { valid: false, error: 'wrong_agent' }
    if (!asked.consume) return { valid: true, claims }
    const taken = await this.#needs.approvals.consume(approval.id, approval.digest, undefined, BEARER)
    return taken ? { valid: true, claims } : { valid: false, error: 'consumed' }
  }

  #read(text: string): { approval: Stated; claims: Readonly<Record<string, unknown>> } | TokenFault {
    const read = readJws(text, { typ: [TOKEN_TYPE] })
    if (read === undefined) return 'malformed'
    const { kid } = read.header
    const known = kid === undefined ? undefined : this.#needs.signing.find(kid)
    if (known === undefined || !verifyP256(known.key, read.signingInput, read.signature)) return 'bad_signature'
    const { aud, typ, requestId } = read.payload
    if (aud !== AUDIENCE || typ !== 'approval' || typeof requestId !== 'string') return 'malformed'
    const approval = this.#needs.approvals.list().find(({ id }) => id === requestId)
    return approval !== undefined && isStated(approval) ? { approval, claims: read.payload } : 'revoked'
  }

  #faultOf({ status, agent, token }: Stated, { exp }: Readonly<Record<string, unknown>>): TokenFault | undefined {
    if (typeof exp !== 'number' || this.#needs.clock.now() >= exp * 1_000) return 'expired'
    if (status === 'consumed') return 'consumed'
    if (status === 'expired') return 'expired'
    return status === 'approved' && this.#needs.stands(agent, token) ? undefined : 'revoked'
  }

  /** The same however often they are asked for, after a restart too. */
  #claims({ id, token, action, verdicts }: Stated): Record<string, unknown> {
    const at = verdicts.at(-1)?.at ?? 0
    return {
      ...{ iss: this.#needs.issuer(), aud: AUDIENCE, sub: action.agent.name, jti: `clawgate-${id}` },
      ...{ iat: Math.floor(at / 1_000), exp: endOf(at), typ: 'approval', requestId: id },
      ...{
        action: action.action,
        actionHash: action.payloadHash,
        approver: verdicts.map(({ name }) => name).join(', '),
      },
      ...{ amr: ['webauthn'], uv: true, sid: id, epoch: this.#needs.epochOf(token) },
    }
  }
}

/** Seconds since 1970. */
const endOf = (decidedAt: number) => Math.floor(decidedAt / 1_000) + TOKEN_LIFE_SECONDS
