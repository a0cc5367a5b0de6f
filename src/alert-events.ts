// What becomes of the house's changes and findings when somebody asked to hear of them: one table, from the word that a
// record says it with to the event that is sent. The catalogue of events stands in alerts/event-catalogue.ts.
import type { AlertEvent, EventData } from './alerts/contract.ts'
import type { EventType } from './alerts/event-catalogue.ts'
import type { BandChange } from './identity/relying/relying.ts'
import type { Finding } from './identity/sign-ins/finding.ts'
import type { Change } from './storage/storage.ts'

/** What a record says, as far as events are made of it. */
type Said = Readonly<Record<string, string | number | undefined>>

interface Told {
  readonly type: EventType
  readonly data: EventData
  readonly severity?: AlertEvent['severity']
  /** The agent that it is about. */
  readonly agent?: string | undefined
  /** The one relying service that it concerns; else those that know the agent. */
  readonly service?: string | undefined
}

const statusChanged =
  (status: string) =>
  ({ agent }: Said): Told => {
    return { type: 'agent.status_changed', agent: agent as string, data: { agentId: agent, status } }
  }

/** By `ev.what` of the change's record. Read from the record alone: at a start there is nothing else of it. */
const tellings: Readonly<Record<string, (said: Said) => Told>> = {
  'agent.added': ({ agent, name, status }) => {
    return { type: 'agent.registered', agent: agent as string, data: { agentId: agent, name, status } }
  },
  'agent.approved': statusChanged('active'),
  'agent.unlocked': statusChanged('active'),
  'agent.locked': statusChanged('suspended'),
  'agent.revoked': statusChanged('revoked'),
  'agent.key_added': ({ agent, key, thumbprint }) => {
    return { type: 'agent.key_added', agent: agent as string, data: { agentId: agent, keyId: key, thumbprint } }
  },
  'agent.key_revoked': ({ agent, key, thumbprint }) => {
    return { type: 'agent.key_revoked', agent: agent as string, data: { agentId: agent, keyId: key, thumbprint } }
  },
  'token.revoked': ({ token, owner }) => revoked(owner, { scope: 'token', tokenId: token }),
  'tokens.revoked': ({ owner, count }) => revoked(owner, { scope: 'owner', count }),
  'session.revoked': ({ session, agent }) => revoked(agent, { scope: 'session', sessionId: session }),
  'emergency.revoked': () => ({ type: 'token.revoked', severity: 'critical', data: { scope: 'everybody' } }),
  'credential.needs_reauth': ({ credential, handle, needsReauth }) => {
    return { type: 'credential.needs_reauth', data: { credentialId: credential, handle, reason: needsReauth } }
  },
  'credential.refresh_failed': ({ credential, handle, reason }) => {
    return { type: 'credential.refresh_failed', data: { credentialId: credential, handle, reason } }
  },
  'operator.passkey_added': ({ operator, passkey, rpId }) => {
    return { type: 'operator.passkey_added', data: { operatorId: operator, passkeyId: passkey, rpId } }
  },
  'operator.passkey_suspect': ({ operator, passkey }) => {
    return { type: 'operator.passkey_suspect', data: { operatorId: operator, passkeyId: passkey } }
  },
  'operator.recovered': ({ operator }) => ({ type: 'operator.recovered', data: { operatorId: operator } }),
  'role.assigned': ({ agent, role, service, expiresAt }) => {
    const data = { agentId: agent, roleId: role, serviceId: service, expiresAt: dateOf(expiresAt) }
    return { type: 'role.assigned', agent: agent as string, service: service as string, data }
  },
  'role.revoked': ({ agent, role, service }) => {
    const data = { agentId: agent, roleId: role, serviceId: service }
    return { type: 'role.revoked', agent: agent as string, service: service as string, data }
  },
}

/** Whether a relying service knows the agent, and so may hear of it. */
export type Knows = (service: string, agent: string) => boolean

/** The event of a change; undefined for what nobody asks to hear of. The same change gives the same event id. */
export function eventOfChange({ id, record }: Pick<Change, 'id' | 'record'>, knows: Knows): AlertEvent | undefined {
  const said = record.ev as Said
  if (record.approval !== undefined) return eventOfApproval(id, record)
  const telling = typeof said.what === 'string' && Object.hasOwn(tellings, said.what) ? tellings[said.what] : undefined
  if (telling === undefined) return undefined
  const { type, data, severity, agent, service: only } = telling(said)
  const concerns = (service: string) =>
    only === undefined ? agent !== undefined && knows(service, agent) : service === only
  return { type, data, severity, subject: agent, concerns, cause: `change/${id}` }
}

const ENDS: ReadonlySet<string> = new Set(['approved', 'denied', 'expired', 'cancelled'])

/** What a human is asked, and what became of it: for operators alone, by its id, without a word of what is to be done. */
function eventOfApproval(id: number, { type, approval, ev }: Change['record']): AlertEvent | undefined {
  const [, what = ''] = type.split('.')
  const { agent, kind, assurance, channel } = ev as Said
  const about = { approvalId: approval?.id ?? null }
  const cause = `change/${id}`
  const window = toldOfWindow(what, approval?.id ?? null, ev as Said)
  if (window !== undefined) return { ...window, subject: agent as string, cause }
  if (what === 'opened') {
    return {
      type: 'approval.opened',
      data: { ...about, agentId: agent, kind, assurance },
      subject: agent as string,
      cause,
    }
  }
  return ENDS.has(what) ? { type: 'approval.decided', data: { ...about, status: what, channel }, cause } : undefined
}

/** How a trust window began or ended. */
function toldOfWindow(what: string, windowId: string | null, ev: Said): Pick<AlertEvent, 'type' | 'data'> | undefined {
  const { agent: agentId, used } = ev
  if (what === 'window_opened') {
    const data = { windowId, agentId, approvalId: ev.with, seconds: ev.seconds, calls: ev.uses }
    return { type: 'window.opened', data }
  }
  const ended = (reason: string | number | undefined) => {
    return { type: 'window.ended', data: { windowId, agentId, reason, used } } as const
  }
  if (what === 'window_ended') return ended(ev.why)
  if (what === 'window_used' && used !== undefined && used === ev.of) return ended('used_up')
  return what === 'withdrawn' && ev.kind === 'window' ? ended('emergency') : undefined
}

export function eventOfFinding({ agent, type, riskScore, details, at }: Finding, knows: Knows): AlertEvent {
  const data = { agentId: agent, type, details, riskScore }
  const concerns = (service: string) => knows(service, agent)
  return { type: 'security.suspicious_activity', data, at, subject: agent, concerns }
}

export function eventOfBand({ agent, from, to, score, report }: BandChange, knows: Knows): AlertEvent {
  const data = { agentId: agent, trustScore: score, band: to, previousBand: from }
  const concerns = (service: string) => knows(service, agent)
  return { type: 'trust.band_changed', data, subject: agent, concerns, cause: `band/${report}/${to}/${score}` }
}

/** As ISO 8601; null for none, and for a time that no date is: a record is no reason to stop. */
function dateOf(time: string | number | undefined): string | null {
  const date = new Date(time ?? Number.NaN)
  return Number.isNaN(date.getTime()) ? null : date.toISOString()
}

/** Of an agent's, or of somebody else's: operators' and services' ids name no agent. */
function revoked(owner: string | number | undefined, data: EventData): Told {
  const agent = typeof owner === 'string' && owner.startsWith('agent_') ? owner : undefined
  return { type: 'token.revoked', agent, data: { ...(agent !== undefined && { agentId: agent }), ...data } }
}
