/**
 * The promise of the audit room: what may be recorded, what a record's writer gets back, and how it may fail.
 * Data only. Rooms that record things import types from here and nothing else of this room.
 */
import type { KeyObject } from 'node:crypto'
import type { Canonical } from '../ground/canonical-json.ts'
import { problemsOf } from '../ground/problem.ts'

/** Who did it. `key` is a token id or key thumbprint and `sid` a session id: never the token itself. */
export interface RecordActor {
  readonly kind: 'agent' | 'operator' | 'service' | 'system'
  readonly id: string
  readonly key?: string
  readonly sid?: string
}

/** What was asked, already redacted (`Audit.redactTarget`). */
export interface RecordRequest {
  readonly service: string
  readonly method: string
  readonly origin: string
  readonly path: string
  readonly query?: string
}

export interface IntentRecord {
  readonly rid: string
  readonly actor: { readonly kind: 'agent'; readonly id: string; readonly key: string }
  readonly req: RecordRequest
  /** `rule` is the grant's id, `policy` the epoch the decision was made in. */
  readonly decision: { readonly effect: 'allow'; readonly rule: string; readonly policy: number }
  readonly credential?: { readonly id: string; readonly version: number }
  /** The human's yes that it goes by. */
  readonly approval?: { readonly id: string; readonly digest: string } | undefined
  /** What a door knows of the call: the same object for calls of the same kind, since it is compared by identity. */
  readonly ev?: EventObject | undefined
}

export interface OutcomeRecord {
  readonly rid: string
  readonly outcome: {
    readonly status: number
    readonly bytesIn: number
    readonly bytesOut: number
    /** Of a WebSocket alone. */
    readonly framesIn?: number
    readonly framesOut?: number
    readonly ms: number
    readonly error?: string
  }
}

export interface DenyRecord {
  readonly rid: string
  /** Leave out where the caller could not be named. */
  readonly actor?: RecordActor
  /** An empty `origin` is left out of the record. */
  readonly req?: RecordRequest
  /** What denials are summed by: the problem code that the caller got, or the check's reason. */
  readonly reason: string
  /** Epoch the decision was made in. */
  readonly policy: number
  /** What a door knows of it. */
  readonly ev?: EventObject | undefined
}

export type EventObject = { readonly [name: string]: Canonical | undefined }

/** Everything that is neither an intent nor an outcome. `type` must be one of `isRecordType`. */
export interface OtherRecord {
  readonly type: string
  readonly rid?: string
  readonly actor?: RecordActor
  readonly req?: RecordRequest
  readonly decision?: EventObject
  readonly credential?: { readonly id: string; readonly version: number }
  readonly approval?: { readonly id: string; readonly digest: string }
  /** On every record of a change of authority. */
  readonly epoch?: number
  readonly ev?: EventObject | undefined
  /** Id of the outbox row that this record answers; written as `ev.outbox` and found again by recovery. */
  readonly outbox?: number
  /** May be written from the reserve when the disk is full: what takes authority away. `revoke` and `seal` always may. */
  readonly useReserve?: true
}

/** What the log needs from the vault. */
export interface AuditKeys {
  readonly auditTail: { readonly version: number; readonly key: KeyObject }
  readonly auditRedact: { readonly version: number; readonly key: KeyObject }
  /** Ed25519; signs checkpoints and nothing else. */
  readonly logKey: { readonly privateKey: KeyObject; readonly publicKey: KeyObject }
}

export interface Head {
  readonly size: number
  readonly root: Buffer
}

/** Whether the log may be gone on from, and if not, how the vault is to be sealed. */
export type LogVerdict =
  | { readonly ok: true }
  | { readonly ok: false; readonly reason: 'integrity' | 'rollback_suspected'; readonly detail: string }

export interface Audit {
  /** Resolves to `seq` once the record is on the disk. Rejects with `audit_unavailable` or `storage_full`. */
  intent(record: IntentRecord): Promise<number>
  /** Rides with the next group, at most 20 ms later. Never fails for a full queue. */
  outcome(record: OutcomeRecord): void
  /** Resolves once the outcome is on the disk: services with `auditMode: strict`. */
  outcomeDurable(record: OutcomeRecord): Promise<number>
  /** Any other record, durable. Rejects with `audit_unavailable` or `storage_full`. */
  append(record: OtherRecord): Promise<number>
  /** Summed beyond 100 per (agent, reason, minute). Never waits. */
  deny(record: DenyRecord): void
  /** `hmac-sha256:<N>:<base64url>`; while sealed a form that says so and reveals nothing. */
  redact(value: string): string
  /** Path with credential-like segments redacted; query with the values redacted whose names are not plain. */
  redactTarget(
    target: RedactableTarget,
    plainQuery: ReadonlySet<string> | undefined,
  ): { readonly path: string; readonly query?: string }
  /** Number of durable records. */
  size(): number
  /** Size and Merkle root of the durable log. */
  head(): Head
  /**
   * Checks every mac since the newest checkpoint, then signs. A verdict that is not ok (this check's, or what was found at
   * the start) means: seal with its reason. Should an operator accept it instead, append `restore.accepted`: until that
   * is on the disk no intent is taken and nothing is signed; of a log that was rolled back nothing is written at all.
   */
  keysArrived(keys: AuditKeys): Promise<LogVerdict>
  /** Signs what is durable and drops the keys at once. Records `seal{reason}` unless one was recorded since they came. */
  keysGone(reason?: string): void
  /** Anchors, signs and publishes now; resolves to the signed note, already on the disk. */
  checkpoint(): Promise<string>
  /** Frees the reserve, so that a revocation or a seal can be written while the disk is full. */
  makeRoom(): Promise<void>
  /** Writes what is queued, signs if it can, closes the files. */
  close(): Promise<void>
}

/** The part of a canonical target that redaction reads. */
export interface RedactableTarget {
  readonly path: string
  readonly segments: readonly string[]
  readonly query: string
  readonly pairs: readonly {
    readonly rawName: string
    readonly name: string
    readonly value: string
    readonly raw: string
  }[]
}

export const auditProblems = {
  audit_unavailable: {
    status: 503,
    title: 'The audit log cannot be written, so nothing is forwarded',
    hint: 'Try again shortly. If it stays, the operator should look at the disk and at `claviger doctor`.',
  },
  storage_full: {
    status: 503,
    title: 'The disk of the audit log is full, so nothing is forwarded',
    hint: 'Free space on the disk that holds the home; the gateway goes on by itself.',
  },
  audit_files_unsafe: {
    status: 500,
    title: 'A file of the audit log has another owner, is not a plain file, or is open to others',
    hint: 'The audit directory must belong to the gateway, mode 0700, its files 0600.',
  },
  audit_not_signed_yet: {
    status: 409,
    title: 'No checkpoint covers this record yet',
    hint: 'Checkpoints are signed at least every minute while the vault is open; ask again.',
  },
  audit_record_unknown: {
    status: 404,
    title: 'The log has no such record',
    hint: '`claviger audit tail` shows the newest, with their numbers.',
  },
  audit_unverifiable: {
    status: 409,
    title: 'The log contradicts its own checkpoint',
    hint: 'Run `claviger audit verify`.',
  },
  audit_verification_running: {
    status: 409,
    title: 'The log is being checked already',
    hint: 'Wait until that check has ended; they are made one at a time.',
  },
  audit_verification_unknown: {
    status: 404,
    title: 'The log was not checked since the gateway was started',
    hint: 'Run `claviger audit verify --unsealed`.',
  },
} as const

export const auditProblem = problemsOf(auditProblems)
