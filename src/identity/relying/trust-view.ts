import type { KnownAgent, TrustView } from './contract.ts'
import type { RelyingRoom } from './relying-room.ts'

/** What is thought of the agent now. */
export function trustView({ ledger, clock }: RelyingRoom, { id, createdAt }: KnownAgent): TrustView {
  const { updatedAt, ...trust } = ledger.trustOf(id, clock.now())
  return { agent: id, ...trust, updatedAt: updatedAt ?? createdAt }
}
