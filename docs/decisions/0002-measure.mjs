// Measures node:sqlite, or better-sqlite3 where its folder is given: node docs/decisions/0002-measure.mjs [FOLDER].
// One line of JSON: rows written per second and CPU microseconds a row in durable transactions of 1, 10 and 100 rows, and
// the same for selects by key. Run the two in turns and compare medians.
import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const MS = 1_000
const folder = process.argv[2]
const directory = mkdtempSync(join(process.env.MEASURE_IN ?? tmpdir(), 'claviger-measure-'))
const file = join(directory, 'measure.db')

async function open() {
  if (folder === undefined) return new (await import('node:sqlite')).DatabaseSync(file)
  return new (createRequire(import.meta.url)(folder))(file)
}

const started = performance.now()
const database = await open()
database.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL')
database.exec('create table t (id integer primary key, a text, b integer, c blob) strict')
const readyMs = performance.now() - started
const insert = database.prepare('insert into t (a, b, c) values (?, ?, ?)')
const select = database.prepare('select * from t where id = ?')
const [begin, commit] = [database.prepare('begin immediate'), database.prepare('commit')]
const blob = Buffer.alloc(32, 7)

/** Repeats `work`, which does `count` things, for MS: things per second, and CPU microseconds each. */
function measure(count, work) {
  const cpu = process.cpuUsage()
  const from = performance.now()
  let done = 0
  for (; performance.now() < from + MS; done += count) work(done)
  const { user, system } = process.cpuUsage(cpu)
  return { perSecond: Math.round((done * 1_000) / (performance.now() - from)), cpuUs: (user + system) / done }
}

function write(rows) {
  return measure(rows, () => {
    begin.run()
    for (let at = 0; at < rows; at += 1) insert.run('some text of a row', 1_767_225_600_000, blob)
    commit.run()
  })
}

const result = { driver: folder === undefined ? 'node:sqlite' : 'better-sqlite3', readyMs }
for (const rows of [1, 10, 100]) result[`write${rows}`] = write(rows)
result.select = measure(100, (done) => {
  for (let at = 0; at < 100; at += 1) select.get(1 + ((done + at * 37) % 1_000))
})
process.stdout.write(`${JSON.stringify(result)}\n`)
database.close()
rmSync(directory, { recursive: true })
