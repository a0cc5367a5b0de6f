// What making records durable costs: a file with asynchronous fdatasync, against SQLite in WAL with synchronous=FULL.
// node docs/decisions/0006-measure.mjs: five rounds in turns, medians. For each group size: records per second, CPU
// microseconds a record, and the share of time in which the event loop could do nothing else.
import { fdatasync, mkdtempSync, openSync, rmSync, write } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { promisify } from 'node:util'

const MS = 600
const ROUNDS = 5
const groups = [1, 8, 32, 128]
const directory = mkdtempSync(join(process.env.MEASURE_IN ?? tmpdir(), 'claviger-measure-'))
const line = `${JSON.stringify({ type: 'intent', path: '/repos/o/r/issues', pad: 'x'.repeat(390) })}\n`
const [writeFile, sync] = [promisify(write), promisify(fdatasync)]

const fd = openSync(join(directory, 'log'), 'a')
const file = async (group) => {
  await writeFile(fd, line.repeat(group))
  await sync(fd)
}

const database = new DatabaseSync(join(directory, 'log.db'))
database.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL')
database.exec('create table log (seq integer primary key, line text) strict')
const insert = database.prepare('insert into log (line) values (?)')
const [begin, commit] = [database.prepare('begin immediate'), database.prepare('commit')]
const table = async (group) => {
  begin.run()
  for (let at = 0; at < group; at += 1) insert.run(line)
  commit.run()
  // As a server would: let the loop turn between two commits.
  await new Promise(setImmediate)
}

async function measure(append, group) {
  const loop = performance.eventLoopUtilization()
  const cpu = process.cpuUsage()
  const from = performance.now()
  let done = 0
  for (; performance.now() < from + MS; done += group) await append(group)
  const { user, system } = process.cpuUsage(cpu)
  const { utilization } = performance.eventLoopUtilization(loop)
  const perSecond = (done * 1_000) / (performance.now() - from)
  return { perSecond, cpuUs: (user + system) / done, busy: utilization * 100 }
}

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]
for (const group of groups) {
  const rounds = { file: [], table: [] }
  for (let round = 0; round < ROUNDS; round += 1) {
    rounds.file.push(await measure(file, group))
    rounds.table.push(await measure(table, group))
  }
  for (const [name, results] of Object.entries(rounds)) {
    const of = (key) => median(results.map((result) => result[key]))
    const numbers = `${Math.round(of('perSecond'))}/s  ${of('cpuUs').toFixed(1)} µs CPU  loop busy ${of('busy').toFixed(0)} %`
    process.stdout.write(`${String(group).padStart(4)} records  ${name.padEnd(5)}  ${numbers}\n`)
  }
}
database.close()
rmSync(directory, { recursive: true })
