// The database of BotMaker's keyring proxy (botmaker.md §5), opened to be read alone.
import { createSecretKey, type KeyObject } from 'node:crypto'
import { existsSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { open } from '../../crypto/aead.ts'
import { cliProblem } from '../problems.ts'

export interface BotMakerKey {
  readonly id: string
  readonly vendor: string
  readonly label: string | undefined
  readonly tag: string | undefined
  /** Undefined where the master key does not open it. */
  readonly secret: string | undefined
}

export interface BotMakerBot {
  readonly id: string
  readonly hostname: string | undefined
  /** SHA-256 of its token, hex. */
  readonly tokenHash: string
  /** JSON, as it was kept. */
  readonly tags: string | undefined
}

export interface BotMakerDatabase {
  readonly keys: readonly BotMakerKey[]
  readonly bots: readonly BotMakerBot[]
  readonly usageRows: number
}

type Row = Readonly<Record<string, unknown>>

/** Throws Problem `file_unreadable` for what is no such database. */
export function readBotMaker(path: string, masterKey: Buffer): BotMakerDatabase {
  if (!existsSync(path)) throw notReadable(path)
  let db: DatabaseSync | undefined
  try {
    db = new DatabaseSync(path, { readOnly: true })
    const rows = (sql: string) => db?.prepare(sql).all() as Row[]
    const key = createSecretKey(masterKey)
    return {
      keys: rows('select id, vendor, secret_encrypted, label, tag from provider_keys order by created_at, id').map(
        (row) => keyOf(row, key),
      ),
      bots: rows('select id, hostname, token_hash, tags from bots order by created_at, id').map(botOf),
      usageRows: Number(rows('select count(*) as count from usage_log')[0]?.count ?? 0),
    }
  } catch (error) {
    throw notReadable(path, error)
  } finally {
    db?.close()
  }
}

const notReadable = (path: string, cause?: unknown) =>
  cliProblem('file_unreadable', { detail: `${path}: no database of BotMaker's proxy.`, cause })

function keyOf({ id, vendor, secret_encrypted: sealed, label, tag }: Row, key: KeyObject): BotMakerKey {
  return {
    ...{ id: String(id), vendor: String(vendor), label: textIn(label), tag: textIn(tag) },
    secret: sealed instanceof Uint8Array ? opened(sealed, key) : undefined,
  }
}

const NONCE = 12
const TAG = 16

/** It lies as nonce, tag, ciphertext; we open nonce, ciphertext, tag. */
function opened(sealed: Uint8Array, key: KeyObject): string | undefined {
  if (sealed.length <= NONCE + TAG) return undefined
  const tag = sealed.subarray(NONCE, NONCE + TAG)
  const parts = [sealed.subarray(0, NONCE), sealed.subarray(NONCE + TAG), tag]
  const plain = open(key, Buffer.alloc(0), Buffer.concat(parts))
  const text = plain?.toString('utf8')
  plain?.fill(0)
  return text
}

function botOf({ id, hostname, token_hash: hash, tags }: Row): BotMakerBot {
  return { id: String(id), hostname: textIn(hostname), tokenHash: String(hash).toLowerCase(), tags: textIn(tags) }
}

const textIn = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined)
