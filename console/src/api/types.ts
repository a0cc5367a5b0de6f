// What the gateway says to these pages: the members that are read, as docs/openapi.json has them. Times are milliseconds
// since 1970 where they are numbers, ISO 8601 where they are text.
import type { Shown } from '../../../src/approvals/shown/shown.ts'

export type Status = 'pending' | 'approved' | 'denied' | 'expired' | 'cancelled' | 'consumed'
export type Assurance = 'tap' | 'push' | 'passkey' | 'two-people'

/** What became of a call that the gateway sends for an agent that does not wait. */
export interface Sending {
  readonly state: 'waits' | 'sending' | 'answered' | 'not_sent' | 'failed' | 'forgotten'
  /** Why it was not sent, or failed: code of a problem. */
  readonly code?: string
  readonly at?: string
}

export interface Items<T> {
  readonly items: readonly T[]
}

export interface ApprovalLine {
  readonly id: string
  readonly status: Status
  readonly agent: { readonly id: string; readonly name: string }
  readonly kind: 'call' | 'stated' | 'window'
  readonly says: string
  readonly digest: string
  readonly assurance: Assurance
  readonly openedAt: string
  readonly expiresAt: string
  readonly decidedAt?: string
  readonly decidedBy?: string
  readonly reason?: string
  readonly uses: { readonly used: number; readonly of: number }
  readonly sending?: Sending
}

interface GivenAnswer {
  readonly name: string
  readonly verdict: 'approved' | 'denied'
  readonly assurance: Assurance
  readonly channel: string
  readonly at: string
  readonly comment?: string
}

/** More of the same that a yes may allow at once, with a digest of its own. */
export interface WindowOffer {
  readonly digest: string
  readonly seconds: number
  /** That in words. */
  readonly lasts: string
  readonly calls: number
  readonly shown: Shown
}

export interface TrustWindow {
  readonly id: string
  readonly agent: { readonly id: string; readonly name: string }
  readonly service: { readonly id: string; readonly name: string }
  readonly action?: string
  readonly path?: string
  readonly method: string
  readonly origin: string
  readonly credential?: string
  readonly calls: { readonly used: number; readonly of: number }
  readonly endsAt: string
  readonly openedBy: readonly string[]
}

export interface OneApproval extends ApprovalLine {
  readonly shown: Shown
  readonly window?: WindowOffer
  readonly answers: readonly GivenAnswer[]
}

export interface SignedIn {
  readonly operator: { readonly id: string; readonly name: string; readonly role: 'auditor' | 'approver' | 'owner' }
  readonly session: string
  readonly recovery: boolean
  readonly thisMachineOnly: boolean
  readonly expiresAt: number
  readonly verifiedUntil: number
}

export interface NewSession extends SignedIn {
  readonly csrf: string
}

export interface Passkey {
  readonly id: string
  readonly operator: string
  readonly name: string
  readonly rpId: string
  readonly thisMachineOnly: boolean
  readonly synced: boolean
  readonly createdAt: number
  readonly lastUsedAt?: number
}

/** A browser that takes pushes. */
export interface Device {
  readonly id: string
  readonly name: string
  readonly operator: string
  readonly service: string
  /** The one that asks. */
  readonly here: boolean
  readonly createdAt: number
}

/** A way to reach people. */
export interface Channel {
  readonly id: string
  readonly kind: 'telegram' | 'push' | 'email'
  readonly name: string
  readonly account: string
  readonly people: readonly { readonly user: string; readonly operator: string }[]
  readonly failingSince?: string
  readonly lastError?: string
}

export interface Token {
  readonly id: string
  readonly kind: string
  readonly owner: string
  readonly agent?: string
  readonly label?: string
  readonly status: 'active' | 'revoked' | 'expired'
  readonly createdAt: number
  readonly expiresAt: number
}

export interface Agent {
  readonly id: string
  readonly name: string
  readonly status: string
}
