import { hash } from 'node:crypto'
import { domain, lp } from '../crypto/framing.ts'

/** `prev` of record 0: SHA-256(D("audit-genesis") ‖ lp(installId) ‖ lp(nodeId)), base64url. */
export function genesisPrev(installId: Uint8Array, nodeId: string): string {
  return hash('sha256', Buffer.concat([domain('audit-genesis'), lp(installId), lp(nodeId)]), 'base64url')
}
