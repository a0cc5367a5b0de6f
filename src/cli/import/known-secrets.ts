/**
 * Which secrets imports have stored before: keyed hashes in `<home>/imports/known`, good only with a key that the gateway
 * opens. A line is written before its secret is stored, so one means nothing until a credential carries its tag.
 */
import { randomBytes } from 'node:crypto'
import { closeSync, constants, existsSync, fsyncSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { base62 } from '../../ground/base62.ts'
import type { Secret } from '../../ground/secret.ts'
import type { GatewayClient } from '../client.ts'
import { pathOf } from '../path-of.ts'
import { type JournalKey, journalFolder, keyFrom } from './journal.ts'
import { digestOf } from './look-at-secret.ts'
import { syncFolder, writeWhole } from './replace-source.ts'

const NAME = 'known'
const Head = z.strictObject({ v: z.literal(1), key: z.string() })
const Line = z.strictObject({ digest: z.string(), tag: z.string() })

export class KnownSecrets {
  readonly #file: string
  readonly #key: JournalKey
  readonly #tags: Map<string, string>
  #made: boolean

  private constructor(file: string, key: JournalKey, tags: Map<string, string>, made: boolean) {
    this.#file = file
    this.#key = key
    this.#tags = tags
    this.#made = made
  }

  /** What is known; where nothing is yet, undefined unless `make` says that something will be. */
  static async open(home: string, client: GatewayClient, make: boolean): Promise<KnownSecrets | undefined> {
    const file = join(journalFolder(home), NAME)
    const [head, ...lines] = linesOf(file)
    const known = Head.safeParse(head)
    if (!known.success) {
      if (!make) return undefined
      return new KnownSecrets(file, await newKey(client, NAME), new Map(), false)
    }
    const key = await openKey(client, NAME, known.data.key)
    const tags = lines.flatMap((line) => Line.safeParse(line).data ?? [])
    return new KnownSecrets(file, key, new Map(tags.map(({ digest, tag }) => [digest, tag])), true)
  }

  tagOf(secret: Secret): string | undefined {
    return this.#tags.get(digestOf(secret, this.#key.key))
  }

  /** A tag for a secret that is about to be stored. On the disk when it returns. */
  tag(secret: Secret): string {
    const digest = digestOf(secret, this.#key.key)
    // The same login at two registries is two credentials of one tag.
    const known = this.#tags.get(digest)
    if (known !== undefined) return known
    const tag = base62(randomBytes(16), 22)
    this.#append({ digest, tag })
    this.#tags.set(digest, tag)
    return tag
  }

  #append(line: z.output<typeof Line>): void {
    if (!this.#made) mkdirSync(journalFolder(join(this.#file, '..', '..')), { recursive: true, mode: 0o700 })
    const { O_APPEND, O_CREAT, O_NOFOLLOW, O_TRUNC, O_WRONLY } = constants
    const fd = openSync(this.#file, O_WRONLY | O_CREAT | O_NOFOLLOW | (this.#made ? O_APPEND : O_TRUNC), 0o600)
    try {
      const head = this.#made ? '\n' : `${JSON.stringify({ v: 1, key: this.#key.sealed })}\n`
      writeWhole(fd, Buffer.from(`${head}${JSON.stringify(line)}\n`))
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
    if (!this.#made) syncFolder(join(this.#file, '..'))
    this.#made = true
  }
}

export async function newKey(client: GatewayClient, journal: string): Promise<JournalKey> {
  const { key, sealed } = await client.ask({ method: 'POST', path: pathOf('import-keys', journal) })
  return { key: keyFrom(key), sealed }
}

export async function openKey(client: GatewayClient, journal: string, sealed: string): Promise<JournalKey> {
  const path = `${pathOf('import-keys', journal)}?${new URLSearchParams({ sealed })}`
  const { key } = await client.ask({ method: 'GET', path })
  return { key: keyFrom(key), sealed }
}

/** A line that a crash tore is no JSON, and the next one begins with a line feed of its own. */
function linesOf(file: string): unknown[] {
  if (!existsSync(file)) return []
  const lines = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
  return lines.flatMap((line) => {
    try {
      return [JSON.parse(line) as unknown]
    } catch {
      return []
    }
  })
}
