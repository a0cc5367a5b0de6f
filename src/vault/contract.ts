/** What the vault promises, data only: the shapes that go in and out, and the problems. Times are milliseconds since 1970. */
import type { KeyObject } from 'node:crypto'
import { z } from 'zod'
import type { SigningKey } from '../crypto/ed25519.ts'
import type { CredentialId, ServiceId } from '../ground/ids.ts'
import { problemsOf } from '../ground/problem.ts'
import type { Secret } from '../ground/secret.ts'
import { storageProblems } from '../storage/problems.ts'
import { ConnectionKind, connectionProblems } from './connections/contract.ts'

export const HANDLE_PATTERN = /^(?!crd_)[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$/
export const META_KEY_PATTERN = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$/
export const MAX_META = 32
export const MAX_META_VALUE = 512
export const MIN_SECRET_BYTES = 8
export const MAX_SECRET_BYTES = 65_536
export const MAX_ROOM_KEY_BYTES = 4_096
export const MIN_PASSPHRASE_CHARACTERS = 12
export const MAX_PASSPHRASE_BYTES = 1_024

/** A credential's name for people: 1–64 of letters, digits, `.`, `_`, `-`, beginning and ending with a letter or digit. */
export const Handle = z
  .string()
  .regex(HANDLE_PATTERN, 'letters, digits and . _ - between them, at most 64; not like an id')

/** `key=value` facts about a credential: authenticated with its row, shown to operators, never secret. */
export const Metadata = z
  .record(z.string().regex(META_KEY_PATTERN), z.string().max(MAX_META_VALUE))
  .refine((meta) => Object.keys(meta).length <= MAX_META, `at most ${MAX_META} entries`)

const Time = z.int().nonnegative()

export const StoreCredential = z.strictObject({
  handle: Handle,
  /** Id or name of the service that the credential is for. */
  service: z.string().min(1).max(128),
  secret: z.string(),
  meta: Metadata.optional(),
  expiresAt: Time.optional(),
})

export const RotateCredential = z.strictObject({ secret: z.string(), expiresAt: Time.optional() })

export const CredentialStatus = z.enum(['active', 'expired', 'needs_reauth', 'integrity_failed'])

export const CredentialView = z.object({
  id: z.string(),
  handle: z.string(),
  /** Id of the service that the credential is for. */
  service: z.string(),
  version: z.int(),
  meta: z.record(z.string(), z.string()),
  createdAt: Time,
  rotatedAt: Time.optional(),
  expiresAt: Time.optional(),
  status: CredentialStatus,
  /** Present where the gateway renews the secret itself. */
  connection: z
    .object({
      kind: ConnectionKind,
      /** Where its tokens come from. */
      tokenOrigin: z.string(),
      /** End of the access token; left out if it has none, or was not minted yet. */
      tokenEndsAt: Time.optional(),
      renewedAt: Time.optional(),
      /** Why it must be connected anew. */
      needsReauth: z.string().optional(),
    })
    .optional(),
})
export type CredentialView = z.output<typeof CredentialView> & {
  readonly id: CredentialId
  readonly service: ServiceId
}

export const VersionView = z.object({ version: z.int(), createdAt: Time, retiredAt: Time.optional() })
export type VersionView = z.output<typeof VersionView>

export const Unseal = z.strictObject({ passphrase: z.string() })

export const SetPassphrase = z.strictObject({
  passphrase: z.string(),
  /** Take every other slot away, the key file's too: the next start is sealed until somebody unseals. */
  only: z.boolean().default(false),
})

export const SlotType = z.enum(['passphrase', 'file'])
export const SlotView = z.object({ id: z.string(), type: SlotType, kdf: z.string(), createdAt: Time })
export type SlotView = z.output<typeof SlotView>

export const SealReason = z.enum(['boot', 'operator', 'rollback_suspected', 'integrity', 'kms_lost', 'audit_lost'])
export type SealReason = z.output<typeof SealReason>

export const VaultStatus = z.object({
  state: z.enum(['uninitialised', 'sealed', 'unsealing', 'unsealed', 'sealing']),
  reason: SealReason.optional(),
})
export type VaultStatus = z.output<typeof VaultStatus>

export const KekRotation = z.object({
  /** The generation that wraps new keys. */
  primary: z.int(),
  rewrapped: z.int(),
  /** Credentials still under an older generation, because they could not be opened; 0 when the rotation is complete. */
  remaining: z.int(),
})
export type KekRotation = z.output<typeof KekRotation>

/** What a caller of the vault may store. `secret` stays the caller's to wipe. */
export interface NewCredential {
  readonly handle: string
  readonly service: ServiceId
  /** `href` of every origin of the service. The secret opens for these and no others. */
  readonly origins: readonly string[]
  readonly secret: Secret
  readonly meta?: Readonly<Record<string, string>> | undefined
  readonly expiresAt?: number | undefined
}

/** Whom a credential is given to; with a handle, a copy of it. */
export interface Assigned {
  readonly service: ServiceId
  /** As those of a new credential. Without any it opens for nobody, until it is assigned again. */
  readonly origins: readonly string[]
  readonly handle?: string | undefined
}

/** What is wanted of a secret, in words, where it is not that; undefined where it is. Must not keep the bytes. */
export type SecretShape = (secret: Uint8Array) => string | undefined

export interface NewVersion {
  readonly secret: Secret
  /** Left out: the new secret lives as long as the old one was given, or for ever if that had no end. */
  readonly expiresAt?: number | undefined
}

/** How the vault is opened. `keyFile` is a path. */
export type Opener = { readonly keyFile: string } | { readonly passphrase: Secret }

/** Whether a credential can be used now, and which version of it. */
export interface CredentialState {
  readonly facts: 'usable' | 'missing' | 'expired' | 'needs_reauth' | 'integrity_failed'
  readonly version: number
}

/** A secret in the clear, for one injection now. The same object while it is cached; zeroed when the cache lets go of it. */
export interface OpenedCredential {
  readonly id: CredentialId
  readonly handle: string
  readonly version: number
  readonly value: Secret
  /** What else an answer must not hold: the refresh token, the client's secret, the tokens before these. */
  readonly others?: readonly Secret[]
  /** Present where the vault can renew it: which of its token sets this is. */
  readonly generation?: number | undefined
}

/** A key in its present generation. */
export interface NumberedKey {
  readonly version: number
  readonly key: KeyObject
}

/** What other rooms get from an unsealed vault. They drop it when the vault is sealed. */
export interface VaultKeys {
  /** 16 bytes, not secret. */
  readonly installId: Buffer
  readonly tokenPepper: NumberedKey
  readonly auditTail: NumberedKey
  readonly auditRedact: NumberedKey
  /** Authenticates rows that grant authority. */
  readonly rowMac: KeyObject
  /** Ed25519; signs checkpoints of the log and nothing else. */
  readonly logKey: SigningKey
}

export const vaultProblems = {
  ...connectionProblems,
  vault_sealed: storageProblems.vault_sealed,
  vault_not_initialised: {
    status: 503,
    title: 'The vault has no keys yet',
    hint: 'Start the gateway once: claviger up',
  },
  vault_already_initialised: { status: 409, title: 'The vault has keys already' },
  vault_not_sealed: { status: 409, title: 'The vault is not sealed' },
  unseal_in_progress: {
    status: 409,
    title: 'Another attempt to unseal is running',
    hint: 'Wait until it has ended; attempts are made one at a time',
  },
  unseal_too_soon: { status: 429, title: 'Too soon after a failed attempt to unseal', hint: 'Wait one second' },
  unseal_failed: {
    status: 403,
    title: 'This does not open the vault',
    hint: 'Check the passphrase, or that the key file is the one this home was made with',
  },
  vault_integrity_failed: {
    status: 503,
    title: 'The keyslots or settings of the vault were changed by other hands',
    hint: 'Look at who can write to the home, then restore a backup',
  },
  key_file_missing: {
    status: 503,
    title: 'The key file is not there',
    hint: 'Put it back, or set CLAVIGER_KEY_FILE, or unseal with a passphrase',
  },
  key_file_unsafe: {
    status: 500,
    title: 'The key file is not safe to use',
    hint: 'It must be a plain file of 32 bytes, mode 0400, owned by the user that runs the gateway',
  },
  passphrase_too_short: {
    status: 422,
    title: 'The passphrase is too short',
    hint: `Use at least ${MIN_PASSPHRASE_CHARACTERS} characters; six random words are good`,
  },
  passphrase_too_long: { status: 422, title: 'The passphrase is too long', hint: 'Use at most 1,024 bytes' },
  passphrase_too_weak: {
    status: 422,
    title: 'The passphrase is too easy to guess',
    hint: 'Use six random words, or twelve random characters',
  },
  slot_unknown: { status: 404, title: 'There is no such keyslot', hint: 'List them: claviger passphrase slots' },
  slots_full: { status: 409, title: 'There are eight keyslots already', hint: 'Remove one first' },
  slot_is_last: { status: 409, title: 'The last keyslot cannot be removed', hint: 'Add another one first' },
  handle_invalid: {
    status: 422,
    title: 'Cannot use this handle',
    hint: 'Use 1 to 64 letters, digits, dots, underscores or hyphens, with a letter or digit at both ends',
  },
  handle_taken: {
    status: 409,
    title: 'Another credential has this handle',
    hint: 'Choose another handle, or give that one a new secret: `claviger credential rotate HANDLE`, and for a connection --replace (`replace`)',
  },
  metadata_invalid: {
    status: 422,
    title: 'Cannot use this metadata',
    hint: `Give at most ${MAX_META} entries, with names like handles and values of at most ${MAX_META_VALUE} characters`,
  },
  metadata_holds_secret: {
    status: 422,
    title: 'The metadata holds the secret itself',
    hint: 'Metadata is shown to operators: leave the secret out of it',
  },
  secret_too_short: { status: 422, title: 'The secret is too short', hint: 'A secret has at least 8 bytes' },
  secret_too_long: { status: 422, title: 'The secret is too long', hint: 'A secret has at most 65,536 bytes' },
  credential_not_header_safe: {
    status: 422,
    title: 'The secret holds what no request can carry',
    hint: 'Use printable ASCII only, with no space at either end; look for a line break at the end',
  },
  secret_is_placeholder: {
    status: 422,
    title: 'The secret is a placeholder that this or another gateway gave',
    hint: 'Store the key that it stands for: docs/guides/placeholders.md.',
  },
  secret_shape_refused: {
    status: 422,
    title: 'The secret is not what this service takes',
    hint: 'The detail says its form; see docs/guides/services.md.',
  },
  expiry_past: { status: 422, title: 'The expiry is in the past', hint: 'Give a time in the future' },
  credential_unknown: {
    status: 404,
    title: 'There is no such credential',
    hint: 'List them: claviger credential list',
  },
  credential_expired: { status: 403, title: 'The credential has expired', hint: 'An operator must rotate it' },
  credential_origins_changed: {
    status: 409,
    title: 'The credential is not bound to the origins of this service',
    hint: 'Try again; if it stays, an operator must set the origins of the service anew',
  },
  integrity_failed: {
    status: 503,
    title: 'The credential cannot be opened and is disabled',
    hint: 'An operator must look at who changed the database, and rotate the credential',
  },
  room_key_damaged: {
    status: 503,
    title: 'A sealed key was changed by other hands, or belongs to another home',
    hint: 'Look at who can write to the home, then make a new key in its place',
  },
  permit_refused: { status: 403, title: 'The permit is not good, or was used already', hint: 'Ask for a new one' },
} as const

export const vaultProblem = problemsOf(vaultProblems)
