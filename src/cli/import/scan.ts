// `claviger scan`: tells where secrets stand in the clear. It changes nothing, and needs no gateway.
import type { Command } from 'commander'
import { Problem } from '../../ground/problem.ts'
import { exitCode } from '../exit-codes.ts'
import { table } from '../render.ts'
import { addVerb, type Session, type Verb } from '../verb.ts'
import { aroundOf } from './around.ts'
import { type Detect, loadDetector } from './detect.ts'
import { assignmentsIn, findInEnv, isEnvFile } from './find-in-env.ts'
import { lineAt, type Remark } from './found.ts'
import { UNKNOWN } from './nearest-service.ts'
import { presentUnasked } from './present.ts'
import { readSource, type Source } from './read-source.ts'
import { remarkLine } from './report.ts'
import { walk } from './walk.ts'

type Sighting = Readonly<Record<'file' | 'rule' | 'service', string> & { line: number; place?: string }>

const scan: Verb = {
  signature: 'scan <paths...>',
  summary: 'tell where files and folders hold secrets in the clear; ends with 1 if any do',
  examples: ['claviger scan .', 'claviger scan ~/.config ~/projects --json'],
  async run({ args }) {
    const detect = await loadDetector()
    const { names } = aroundOf(await presentUnasked(), [])
    const walked = (args as string[]).map(walk)
    const remarks: Remark[] = walked.flatMap((one) => one.remarks)
    const found: Sighting[] = []
    let read = 0
    for (const file of new Set(walked.flatMap(({ files }) => files))) {
      try {
        found.push(...(await sightings(readSource(file), file, detect, names)))
        read += 1
      } catch (error) {
        if (!(error instanceof Problem)) throw error
        const why = error.detail ?? error.title
        // Pictures and programs are no text, and nothing was asked of them.
        remarks.push({ file, why, ...(!/is not text in UTF-8/.test(why) && { failed: true as const }) })
      }
    }
    const failed = remarks.filter((remark) => remark.failed)
    const passed = remarks.length - failed.length
    const said = [
      table(found, ['file', 'line', 'place', 'rule', 'service'], 'no secrets found'),
      ...failed.map(remarkLine),
    ]
    said.push(`${read} files read${passed > 0 ? `, ${passed} that are no text passed over` : ''}`)
    const code = failed.length > 0 ? exitCode.partly : found.length > 0 ? exitCode.refused : exitCode.ok
    return { json: { found, remarks, read }, text: said.join('\n'), code }
  },
}

async function sightings(source: Source, file: string, detect: Detect, names: ReadonlySet<string>) {
  const { path, text } = source
  const named = isEnvFile(path) ? await sightingsByName(source, file, detect, names) : []
  const lines = new Set(named.map(({ line }) => line))
  const spans = isEnvFile(path) ? assignmentsIn(text).filter(({ start }) => lines.has(lineAt(text, start))) : []
  const seen = (at: number) => spans.some(({ start, end }) => start <= at && at < end)
  const formed = (await detect(text, path)).filter(({ at }) => !seen(at))
  const sighted = formed.map(({ rule, service, at }) => ({
    file,
    line: lineAt(text, at),
    rule,
    service: service ?? '-',
  }))
  return [...named, ...sighted].sort((a, b) => a.line - b.line)
}

/** As `import env` finds them: a password has no form, and its variable has a name. */
async function sightingsByName(source: Source, file: string, detect: Detect, names: ReadonlySet<string>) {
  const { found } = await findInEnv(source, detect, names)
  return found.map(({ line, place, rule, service }): Sighting => {
    return { file, line, place, rule: rule ?? 'name', service: service === UNKNOWN ? '-' : service }
  })
}

export function scanCommand(program: Command, session: Session): void {
  addVerb(program, session, scan)
}
