// F-07, H-01, H-02, H-04: somebody with the database file edits it while the gateway is down. Whatever the edit, nothing is
// forwarded on the strength of it, no secret goes elsewhere, and the process does not fall over.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { Gateway, StartFailed } from '../../test/instruments/gateway.ts'
import { furnish, type World, world } from '../../test/instruments/world.ts'
import { copyTree } from '../copy-home.ts'
import { Figures } from '../figures.ts'

type Row = Record<string, SQLInputValue>

interface Edit {
  readonly name: string
  readonly apply: (database: DatabaseSync) => void
  /** The call that must not be forwarded after it; the main one when left out. */
  readonly call?: { readonly service?: string; readonly token?: string; readonly method?: string }
  /** Set where the row is the operator's: then it is the operator who must be refused. */
  readonly operator?: true
}

export interface TamperOptions {
  /** Every n-th of the single-column edits. */
  readonly step: number
}

const databaseOf = (folder: string): string => join(folder, 'home', 'claviger.db')

export async function editedRows({ step }: TamperOptions): Promise<Figures> {
  const figures = new Figures('H edited rows')
  await using around = await world({ env: { CLAVIGER_DEMO: 'off' } })
  const cast = await makeCast(around)
  await around.gateway.stop()
  const edits = [...columnEdits(around).filter((_, n) => n % step === 0), ...attacks(around, cast)]
  const control = await tryEdit(around, { name: 'no edit', apply: () => undefined }, new Figures('control'))
  if (control !== 200) figures.wrong.push(`an unedited copy got ${control}: the edits prove nothing`)
  around.upstream.forget()
  for (const edit of edits) await tryEdit(around, edit, figures)
  await proveSameCalls(around, cast, figures)
  if (around.attacker.accepts > 0) figures.leaked.push(`E got ${around.attacker.accepts} connections`)
  figures.notes.push(`${edits.length} edits`)
  return figures
}

interface Cast {
  readonly narrow: string
  readonly revoked: string
  readonly other: string
}

/** Besides the agent that may do all at `u`: one that may only read, one whose token is revoked, one for another service. */
async function makeCast({ gateway, upstream, oracle }: World): Promise<Cast> {
  const issue = async (agent: string): Promise<{ id: string; token: string }> =>
    gateway.does('POST', '/tokens', { agent })
  await gateway.does('POST', '/agents', { name: 'narrow' })
  await gateway.does('POST', '/grants', { agent: 'narrow', service: 'u', scopes: ['u:read'] })
  const narrow = await issue('narrow')
  const revoked = await issue('agent-of-u')
  await gateway.does('DELETE', `/tokens/${revoked.id}`)
  const other = await furnish(gateway, { name: 'v', origins: [upstream.origin], secret: oracle.canary('v-secret') })
  return { narrow: narrow.token, revoked: revoked.token, other: other.token }
}

/** Each column of each row that the main call or the operator rests on, changed on its own. */
function columnEdits(around: World): Edit[] {
  const database = new DatabaseSync(databaseOf(around.gateway.folder), { readOnly: true })
  const edits: Edit[] = []
  const tables = database.prepare('SELECT name FROM authenticated_tables ORDER BY name').all() as { name: string }[]
  for (const { name: table } of tables) {
    for (const row of database.prepare(`SELECT * FROM ${table}`).all() as Row[]) {
      const owner = String(row.owner ?? '')
      const operators = table === 'operators' || (table === 'tokens' && owner.startsWith('op_'))
      if (!operators && !restsOn(around, table, row)) continue
      for (const [column, value] of Object.entries(row)) {
        edits.push({
          name: `${table}.${column}`,
          apply: (copy) => {
            const update = copy.prepare(`UPDATE ${table} SET ${column} = ? WHERE id = ?`)
            const binary = value === null && isBinary(copy, table, column)
            update.run(binary ? Buffer.of(1) : changed(value), row.id!)
          },
          ...(operators && { operator: true as const }),
        })
      }
    }
  }
  database.close()
  return edits
}

function isBinary(database: DatabaseSync, table: string, column: string): boolean {
  const columns = database.prepare(`PRAGMA table_info(${table})`).all() as { name: string; type: string }[]
  return columns.find(({ name }) => name === column)?.type.toLowerCase() === 'blob'
}

function restsOn(around: World, table: string, row: Row): boolean {
  const text = JSON.stringify(row)
  if (table === 'agents') return row.id === around.agentId
  if (table === 'services') return row.id === around.serviceId
  if (table === 'tokens') return row.owner === around.agentId && row.status === 'active'
  if (table === 'grants') return text.includes(around.agentId)
  return table === 'credentials' ? row.service === around.serviceId : false
}

function changed(value: SQLInputValue): SQLInputValue {
  if (value === null) return 1
  if (typeof value === 'number') return value + 1
  if (typeof value === 'string') return `${value}x`
  const bytes = Buffer.from(value as Uint8Array)
  bytes[bytes.length - 1]! ^= 1
  return bytes
}

/** Edits with a purpose. */
function attacks(around: World, cast: Cast): Edit[] {
  const swap = (database: DatabaseSync, table: string, columns: readonly string[]): void => {
    const [a, b] = database.prepare(`SELECT * FROM ${table} LIMIT 2`).all() as Row[]
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      const set = columns.map((column) => `${column} = ?`).join(', ')
      database
        .prepare(`UPDATE ${table} SET ${set} WHERE id = ?`)
        .run(...columns.map((column) => from![column]!), to!.id!)
    }
  }
  return [
    {
      name: 'a narrow grant widened',
      call: { token: cast.narrow, method: 'DELETE' },
      apply: (db) => db.exec(`UPDATE grants SET scopes = replace(scopes, 'u:read', 'u:*')`),
    },
    {
      name: 'a revoked token made live',
      call: { token: cast.revoked },
      apply: (db) => db.exec(`UPDATE tokens SET status = 'active', revoked_at = NULL`),
    },
    {
      name: 'a revoked token removed',
      call: { token: cast.revoked },
      apply: (db) => db.exec(`DELETE FROM tokens WHERE status = 'revoked'`),
    },
    {
      name: 'a token given to another agent',
      call: { token: cast.other },
      apply: (db) => db.exec(`UPDATE tokens SET owner = '${around.agentId}'`),
    },
    {
      name: 'a grant given to another agent',
      call: { token: cast.other },
      apply: (db) => giveGrant(db, around.agentId),
    },
    { name: 'an origin moved to E', apply: (db) => moveOrigin(db, around) },
    { name: 'ciphertexts swapped', apply: (db) => swap(db, 'credential_versions', ['envelope']) },
    {
      name: 'ciphertexts and hashes swapped',
      apply: (db) => swap(db, 'credential_versions', ['envelope', 'origins_hash']),
    },
    {
      name: 'versions swapped',
      apply: (db) => swap(db, 'credential_versions', ['envelope', 'origins_hash', 'mac', 'epoch']),
    },
    { name: 'credentials swapped', apply: (db) => swap(db, 'credentials', ['service']) },
    {
      name: 'a tag cut to 4 bytes',
      apply: (db) =>
        db.exec('UPDATE credential_versions SET envelope = CAST(substr(envelope, 1, length(envelope) - 12) AS BLOB)'),
    },
    {
      name: 'an envelope of another version',
      apply: (db) =>
        db.exec(`UPDATE credential_versions SET envelope = CAST(X'C7434C5602' || substr(envelope, 6) AS BLOB)`),
    },
    { name: 'a grant removed', apply: (db) => db.exec('DELETE FROM grants') },
    { name: 'a row sum removed', call: { token: cast.revoked }, apply: (db) => db.exec('DELETE FROM authority') },
    {
      name: 'an epoch lowered',
      call: { token: cast.revoked },
      apply: (db) => db.exec('UPDATE authority SET epoch = 1'),
    },
    {
      name: 'a slot edited',
      call: { token: cast.revoked },
      apply: (db) => db.exec(`UPDATE keyslots SET slot = replace(slot, '1', '2')`),
    },
  ]
}

function giveGrant(database: DatabaseSync, to: string): void {
  const columns = (database.prepare('PRAGMA table_info(grants)').all() as { name: string }[]).map(({ name }) => name)
  const list = columns.filter((name) => name !== 'id').join(', ')
  const agent = columns.find((name) => name.startsWith('agent'))!
  database.exec(
    `INSERT INTO grants (id, ${list}) SELECT 'grt_planted', ${list.replace(agent, `'${to}'`)} FROM grants LIMIT 1`,
  )
}

function moveOrigin(database: DatabaseSync, { upstream, attacker }: World): void {
  database.exec(`UPDATE services SET definition = replace(definition, ':${upstream.port}', ':${attacker.port}')`)
}

/** Edits a copy of the home, starts a gateway on it, and makes the call that the edit was for. */
async function tryEdit(around: World, edit: Edit, figures: Figures): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'claviger-tamper-'))
  const before = around.upstream.receipts.length
  let status = 0
  figures.inputs++
  try {
    copyTree(around.gateway.folder, folder)
    const database = new DatabaseSync(databaseOf(folder))
    edit.apply(database)
    database.close()
    await using edited = await Gateway.start({
      folder,
      operatorToken: around.gateway.operatorToken,
      env: { CLAVIGER_DEMO: 'off' },
    })
    status = await ask(edited, around, edit)
    if (status < 400) figures.wrong.push(`${edit.name}: answered ${status}`)
    if (status === 500) figures.wrong.push(`${edit.name}: answered 500`)
    if (edited.ready.operatorToken !== undefined) figures.leaked.push(`${edit.name}: a new operator token was printed`)
    if (!edited.running) figures.wrong.push(`${edit.name}: the gateway ended`)
  } catch (error) {
    if (!(error instanceof StartFailed)) throw error
    if (error.code !== 78) figures.wrong.push(`${edit.name}: the start ended with ${error.code}\n${error.output}`)
  } finally {
    rmSync(folder, { recursive: true })
  }
  if (around.upstream.receipts.length !== before) figures.wrong.push(`${edit.name}: something was forwarded`)
  return status
}

async function ask(gateway: Gateway, around: World, { call = {}, operator }: Edit): Promise<number> {
  if (operator) return (await gateway.operator('GET', '/agents', undefined, around.gateway.operatorToken)).status
  const { service = 'u', token = around.token, method = 'GET' } = call
  const headers = { authorization: `Bearer ${token}`, host: `127.0.0.1:${gateway.port}` }
  return (await gateway.agent(method, `/to/${service}/n`, { headers })).status
}

/** The same calls on the home as it was: what the edits were refused for is not something else. */
async function proveSameCalls(around: World, cast: Cast, figures: Figures): Promise<void> {
  await around.gateway.restart()
  const status = async (token: string, method = 'GET', service = 'u'): Promise<number> =>
    (await around.call('/n', { token, method, service })).status
  const got = [await status(around.token), await status(cast.narrow), await status(cast.other, 'GET', 'v')]
  const refused = [await status(cast.narrow, 'DELETE'), await status(cast.revoked), await status(cast.other)]
  if (got.some((one) => one !== 200)) figures.wrong.push(`unedited, the good calls got ${got}`)
  if (refused.some((one) => one < 400)) figures.wrong.push(`unedited, the bad calls got ${refused}`)
}
