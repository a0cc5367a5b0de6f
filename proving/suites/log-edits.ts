// I-02, I-03, I-09. The log is edited, cut, reordered, forked or replaced while the gateway is down. `audit verify` with an
// old checkpoint finds it; a torn tail stops nothing.
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Seeded, seeded } from '../../test/generators/seeded.ts'
import { Gateway, StartFailed } from '../../test/instruments/gateway.ts'
import { type World, world } from '../../test/instruments/world.ts'
import { auditCommand, recordsOf, segmentFiles } from '../audit-on-disk.ts'
import { copyTree } from '../copy-home.ts'
import { Figures } from '../figures.ts'

export interface LogEditOptions {
  readonly trials: number
  readonly seed: number
}

/** What is done to the lines (each without its line end). */
type Kind = (lines: string[], random: Seeded) => string[]

const without = (lines: readonly string[], at: number): string[] => lines.filter((_, n) => n !== at)

const kinds: Readonly<Record<string, Kind>> = {
  'a byte changed': (lines, random) => {
    const at = random.below(lines.length)
    const line = lines[at]!
    const place = line.search(/"path":"\/n\/\d/) === -1 ? line.indexOf('"ts":') + 8 : line.indexOf('/n/') + 3
    return lines.with(at, `${line.slice(0, place)}${(Number(line[place]) + 1) % 10}${line.slice(place + 1)}`)
  },
  'a record removed': (lines, random) => without(lines, random.below(lines.length - 1)),
  'two records swapped': (lines, random) => {
    const at = random.below(lines.length - 1)
    return lines.with(at, lines[at + 1]!).with(at + 1, lines[at]!)
  },
  'a record doubled': (lines, random) => {
    const at = random.below(lines.length)
    return lines.toSpliced(at, 0, lines[at]!)
  },
  'the tail cut off': (lines, random) => lines.slice(0, 1 + random.below(lines.length - 2)),
  'all but the first removed': (lines) => lines.slice(0, 1),
  'a record appended': (lines) => [...lines, lines.at(-1)!.replace(/"seq":\d+/, `"seq":${lines.length}`)],
  'a value rewritten': (lines) => lines.map((line) => line.replaceAll('"status":200', '"status":404')),
}

export async function logEdits({ trials, seed }: LogEditOptions): Promise<Figures> {
  const figures = new Figures('I-02 log edits')
  await using around = await world({ env: { CLAVIGER_DEMO: 'off' } })
  const note = await furnishLog(around)
  const random = seeded(seed)
  const clean = auditCommand(around.gateway.home, 'verify', '--checkpoint', note)
  if (clean.code !== 0) figures.wrong.push(`the unedited log does not verify: ${clean.code} ${clean.output}`)
  for (let n = 0; n < trials; n++) {
    for (const [name, edit] of Object.entries(kinds)) await tryEdit(around, name, edit, note, random, figures)
  }
  await tornTails(around, Math.max(8, trials), random, figures)
  figures.notes.push(`seed ${seed}`)
  return figures
}

/** Some calls, a clean stop that signs, and a copy of the note kept outside: what an auditor would hold. */
async function furnishLog(around: World): Promise<string> {
  for (let n = 0; n < 60; n++) await around.call(`/n/${n}`)
  await around.gateway.stop()
  const note = join(around.gateway.folder, 'kept.note')
  const folder = segmentFiles(around.gateway.home)[0]!.replace(/\/seg\/.*$/, '')
  cpSync(join(folder, 'checkpoint'), note)
  return note
}

async function tryEdit(
  around: World,
  name: string,
  edit: Kind,
  note: string,
  random: Seeded,
  figures: Figures,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'claviger-log-'))
  figures.inputs++
  try {
    copyTree(around.gateway.folder, folder)
    const home = join(folder, 'home')
    const file = segmentFiles(home)[0]!
    const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1)
    const edited = edit(lines, random)
    if (edited.join('\n') === lines.join('\n')) return
    writeFileSync(file, `${edited.join('\n')}\n`)
    const { code, output } = auditCommand(home, 'verify', '--checkpoint', note)
    if (code !== 1) figures.wrong.push(`${name}: verify ended with ${code} ${output}`)
    await bootRefuses(folder, name, figures)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Damage before a signed size is not a torn tail: the gateway must not serve on it. */
async function bootRefuses(folder: string, name: string, figures: Figures): Promise<void> {
  try {
    await using gateway = await Gateway.start({ folder, env: { CLAVIGER_DEMO: 'off' } })
    const { state } = (await gateway.agent('GET', '/health')).json() as { state: string }
    if (state !== 'sealed') figures.wrong.push(`${name}: the gateway serves on it, ${state}`)
  } catch (error) {
    if (!(error instanceof StartFailed)) throw error
    figures.wrong.push(`${name}: ended with ${error.code}\n${error.output}`)
  }
}

/** I-03. Bytes that no sync ever covered are cut away at any place, and the gateway serves. */
async function tornTails(around: World, cuts: number, random: Seeded, figures: Figures): Promise<void> {
  const base = mkdtempSync(join(tmpdir(), 'claviger-torn-'))
  try {
    copyTree(around.gateway.folder, base)
    const file = segmentFiles(join(base, 'home'))[0]!
    const whole = readFileSync(file)
    const lastLine = whole.subarray(whole.lastIndexOf(0x0a, whole.length - 2) + 1)
    const next = Buffer.from(
      lastLine.toString('utf8').replace(/"seq":\d+/, `"seq":${recordsOf(join(base, 'home')).length}`),
    )
    for (let n = 0; n < cuts; n++) {
      writeFileSync(file, Buffer.concat([whole, next.subarray(0, 1 + random.below(next.length - 1))]))
      await tornStart(base, figures)
      writeFileSync(file, whole)
      rmSync(join(base, 'home'), { recursive: true })
      mkdirSync(join(base, 'home'), { mode: 0o700 })
      copyTree(around.gateway.home, join(base, 'home'))
    }
  } finally {
    rmSync(base, { recursive: true })
  }
}

async function tornStart(folder: string, figures: Figures): Promise<void> {
  figures.faults++
  try {
    await using gateway = await Gateway.start({ folder, env: { CLAVIGER_DEMO: 'off' } })
    const { state } = (await gateway.agent('GET', '/health')).json() as { state: string }
    if (state !== 'unsealed') figures.wrong.push(`a torn tail left the vault ${state}`)
  } catch (error) {
    figures.wrong.push(`a torn tail stopped the start: ${(error as Error).message}`)
  }
}
