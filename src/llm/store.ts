import type { AgentId } from '../ground/ids.ts'
import type { Storage, Tx } from '../storage/storage.ts'
import type { Bot, LlmApi, Vendor } from './contract.ts'
import { readTags } from './read-tags.ts'

interface BotRow {
  readonly id: string
  readonly name: string
  readonly hostname: string | null
  readonly tags: string | null
  readonly vendors: string | null
  readonly models: string | null
  readonly paths: string | null
  readonly any_key: number
  readonly own: number
  readonly expires_at: number | null
  readonly created_at: number
}

export interface AsideRow {
  readonly id: string
  /** What the vendor answered. */
  readonly status: number
  readonly at: number
}

interface VendorRow {
  readonly id: string
  readonly service: string
  readonly base_path: string
  readonly api: string
}

export type VendorOverride = Pick<Vendor, 'id' | 'service' | 'basePath' | 'api'>

const listText = (list: readonly string[] | undefined) => (list === undefined ? null : JSON.stringify(list))
const textList = (text: string | null) => (text === null ? undefined : (JSON.parse(text) as string[]))

export async function putBot(tx: Tx, bot: Bot): Promise<void> {
  const { agent: id, name, hostname, tagsText, vendors, models, paths, anyKey, own, expiresAt, createdAt } = bot
  await tx.put('llm_bots', {
    ...{ id, name, hostname: hostname ?? null, tags: tagsText ?? null },
    ...{ vendors: listText(vendors), models: listText(models), paths: listText(paths) },
    ...{ any_key: anyKey ? 1 : 0, own: own ? 1 : 0, expires_at: expiresAt ?? null, created_at: createdAt },
  })
}

export const removeBot = (tx: Tx, agent: AgentId): Promise<void> => tx.remove('llm_bots', agent)

/** What other bots have already, as this transaction sees it. */
export async function taken(
  tx: Tx,
  name: string,
  hostname: string | undefined,
): Promise<'name' | 'hostname' | undefined> {
  const bots = tx.db.selectFrom('llm_bots').select('id')
  if ((await bots.where('name', '=', name).executeTakeFirst()) !== undefined) return 'name'
  if (hostname === undefined) return undefined
  return (await bots.where('hostname', '=', hostname).executeTakeFirst()) === undefined ? undefined : 'hostname'
}

function botOf(row: BotRow): Bot {
  return {
    agent: row.id as AgentId,
    name: row.name,
    hostname: row.hostname ?? undefined,
    tagsText: row.tags ?? undefined,
    tags: readTags(row.tags ?? undefined),
    vendors: textList(row.vendors),
    models: textList(row.models),
    paths: textList(row.paths),
    anyKey: row.any_key === 1,
    own: row.own === 1,
    expiresAt: row.expires_at ?? undefined,
    createdAt: row.created_at,
  }
}

export const putAside = (tx: Tx, row: AsideRow): Promise<void> => tx.put('llm_asides', { ...row })
export const removeAside = (tx: Tx, id: string): Promise<void> => tx.remove('llm_asides', id)

export const putVendor = (tx: Tx, { id, service, basePath, api }: VendorOverride): Promise<void> =>
  tx.put('llm_vendors', { id, service, base_path: basePath, api })
export const removeVendor = (tx: Tx, id: string): Promise<void> => tx.remove('llm_vendors', id)

export const putAdmin = (tx: Tx, hash: Buffer, now: number): Promise<void> =>
  tx.put('llm_admin', { id: 'admin', hash, created_at: now })

/** Lost turns harm nobody: the next key is another one. */
export async function putTurns(storage: Storage, turns: ReadonlyMap<string, number>): Promise<void> {
  await storage.write(
    async ({ db }) => {
      for (const [id, turn] of turns) {
        const row = db.insertInto('llm_turns').values({ id, turn })
        await row.onConflict((conflict) => conflict.column('id').doUpdateSet({ turn })).execute()
      }
    },
    { volatile: true },
  )
}

export interface Loaded {
  readonly bots: readonly Bot[]
  readonly asides: readonly AsideRow[]
  readonly vendors: readonly VendorOverride[]
  readonly admin: Buffer | undefined
  readonly turns: ReadonlyMap<string, number>
  readonly bad: readonly string[]
}

export async function loadAll(storage: Storage): Promise<Loaded> {
  const [bots, asides, vendors, admin] = await Promise.all([
    storage.load<BotRow>('llm_bots'),
    storage.load<AsideRow>('llm_asides'),
    storage.load<VendorRow>('llm_vendors'),
    storage.load<{ readonly hash: Uint8Array }>('llm_admin'),
  ])
  const turns = await storage.read((db) => db.selectFrom('llm_turns').select(['id', 'turn']).execute())
  const [hash] = admin.rows.map((row) => Buffer.from(row.hash))
  return {
    bots: bots.rows.map(botOf),
    asides: asides.rows,
    vendors: vendors.rows.map(({ base_path, ...row }) => ({ ...row, basePath: base_path, api: row.api as LlmApi })),
    admin: hash,
    turns: new Map((turns as { id: string; turn: number }[]).map(({ id, turn }) => [id, turn])),
    bad: [...bots.bad, ...asides.bad, ...vendors.bad, ...admin.bad],
  }
}
