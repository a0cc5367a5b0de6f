// Every event that can be sent, as data: its severity, when it is sent, what its `data` holds. docs/guides/webhooks.md
// repeats this table, and a test compares them.
import type { EventData, Severity } from './contract.ts'

export interface CatalogueEntry {
  readonly severity: Severity
  /** When it is sent: a sentence for the guide. */
  readonly when: string
  /** Members of `data`. */
  readonly data: readonly string[]
}

/** Kinds of `security.suspicious_activity`, its `data.type`. */
export const suspicions = {
  geographic_anomaly: {
    severity: 'warning',
    when: 'the country differs from that of the previous success within an hour',
  },
  auth_failure_burst: { severity: 'warning', when: '5 failed proofs for one agent within 5 minutes' },
  refresh_reuse: { severity: 'critical', when: 'a refresh token that was used before is presented' },
  dormant_agent: { severity: 'warning', when: 'an agent signs in that had not done so for long' },
  new_network: { severity: 'info', when: 'an agent signs in from a network that it never used' },
  key_reuse: { severity: 'critical', when: 'the same public key is presented for another agent' },
  impossible_travel: {
    severity: 'critical',
    when: 'two sign-ins lie further apart than anybody travels in the time between them',
  },
} as const satisfies Readonly<Record<string, Pick<CatalogueEntry, 'severity' | 'when'>>>

const suspicion = ['agentId', 'type', 'details', 'riskScore']

export const eventCatalogue = {
  'security.suspicious_activity': {
    severity: 'warning',
    when: 'something about a sign-in is unusual; `type` says what',
    data: suspicion,
  },
  'agent.registered': { severity: 'info', when: 'an agent was added', data: ['agentId', 'name', 'status'] },
  'agent.status_changed': {
    severity: 'warning',
    when: 'an agent was locked (`suspended`), unlocked, approved or revoked',
    data: ['agentId', 'status'],
  },
  'agent.key_added': { severity: 'info', when: 'an agent got a public key', data: ['agentId', 'keyId', 'thumbprint'] },
  'agent.key_revoked': {
    severity: 'warning',
    when: 'a public key of an agent was revoked',
    data: ['agentId', 'keyId', 'thumbprint'],
  },
  'token.revoked': {
    severity: 'warning',
    when: 'a token or session was revoked, or all tokens of one owner, or of everybody: `scope` says which',
    data: ['agentId', 'scope', 'tokenId', 'sessionId', 'count'],
  },
  'role.assigned': {
    severity: 'info',
    when: 'a relying service gave an agent a role',
    data: ['agentId', 'roleId', 'serviceId', 'expiresAt'],
  },
  'role.revoked': {
    severity: 'info',
    when: 'a relying service took a role back',
    data: ['agentId', 'roleId', 'serviceId'],
  },
  'trust.band_changed': {
    severity: 'info',
    when: 'the trust score of an agent moved into another band',
    data: ['agentId', 'trustScore', 'band', 'previousBand'],
  },
  'operator.passkey_added': {
    severity: 'warning',
    when: 'an operator got a passkey',
    data: ['operatorId', 'passkeyId', 'rpId'],
  },
  'operator.passkey_suspect': {
    severity: 'critical',
    when: 'the counter of a passkey fell back although it cannot be copied: there may be two of it. It was refused',
    data: ['operatorId', 'passkeyId'],
  },
  'operator.recovered': {
    severity: 'critical',
    when: 'a recovery code of an operator was used',
    data: ['operatorId'],
  },
  'vault.sealed': { severity: 'critical', when: 'the vault was sealed; sent once it is open again', data: ['reason'] },
  'audit.doubt': {
    severity: 'critical',
    when: 'the log or the database looked rolled back or edited at a start; sent once an operator opened the house',
    data: ['reason', 'accepted'],
  },
  echo: {
    severity: 'warning',
    when: 'an answer held the credential that was sent; it was taken out',
    data: ['requestId', 'service', 'agentId', 'count'],
  },
  'row.edited': {
    severity: 'critical',
    when: 'a row of the database was edited by other hands and is refused',
    data: ['table', 'id'],
  },
  'credential.needs_reauth': {
    severity: 'critical',
    when: 'a provider gives no more tokens for a connection: it must be connected anew',
    data: ['credentialId', 'handle', 'reason'],
  },
  'credential.refresh_failed': {
    severity: 'warning',
    when: 'no new token could be had for a connection; sent for the first failure in a row, it is tried again',
    data: ['credentialId', 'handle', 'reason'],
  },
  'credential.damaged': {
    severity: 'critical',
    when: 'a credential does not open and is disabled',
    data: ['credentialId'],
  },
  'approval.opened': {
    severity: 'warning',
    when: 'a human is asked; what about stands in `claviger approval show`',
    data: ['approvalId', 'agentId', 'kind', 'assurance'],
  },
  'approval.decided': {
    severity: 'info',
    when: 'it was `approved` or `denied`, nobody answered in time (`expired`), or the agent took it back (`cancelled`)',
    data: ['approvalId', 'status', 'channel'],
  },
  'window.opened': {
    severity: 'warning',
    when: 'a human allowed an agent more calls of the same form for a while; which stands in `claviger approval show`',
    data: ['windowId', 'agentId', 'approvalId', 'seconds', 'calls'],
  },
  'window.ended': {
    severity: 'info',
    when: 'that is over: its time (`expired`), its last call (`used_up`), an `operator`, an `emergency`, or a change of what it stood on (`agent`, `service`, `credential`, `rule`)',
    data: ['windowId', 'agentId', 'reason', 'used'],
  },
} as const satisfies Readonly<Record<string, CatalogueEntry>>

/** Sent by `claviger webhook test` alone, whatever the filters say. */
export const TEST_EVENT = 'webhook.test'

export type EventType = keyof typeof eventCatalogue
export type Suspicion = keyof typeof suspicions

export const eventTypes = Object.keys(eventCatalogue) as readonly EventType[]

/** What the catalogue says of an event; for suspicions it depends on their type. */
export function severityOf(type: EventType, data: EventData): Severity {
  const known = type === 'security.suspicious_activity' ? suspicions[data.type as Suspicion] : undefined
  return known?.severity ?? eventCatalogue[type].severity
}
