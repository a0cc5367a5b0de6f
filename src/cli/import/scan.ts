// `claviger scan`: tells where secrets stand in the clear. It changes nothing, and needs no gateway.
import type { Command } from 'commander'
import { Problem } from '../../ground/problem.ts'
import { exitCode } from '../exit-codes.ts'
import { table } from '../render.ts'
import { addVerb, type Session, type Verb } from '../verb.ts'
import { type Detect, loadDetector } from './detect.ts'
import { lineAt, type Remark } from './found.ts'
import { readSource } from './read-source.ts'
import { remarkLine } from './report.ts'
import { walk } from './walk.ts'

type Sighting = Readonly<Record<'file' | 'rule' | 'service', string> & { line: number }>

const scan: Verb = {
  signature: 'scan <paths...>',
  summary: 'tell where files and folders hold secrets in the clear; ends with 1 if any do',
  examples: ['claviger scan .', 'claviger scan ~/.config ~/projects --json'],
  async run({ args }) {
    const detect = await loadDetector()
    const walked = (args as string[]).map(walk)
    const remarks: Remark[] = walked.flatMap((one) => one.remarks)
    const found: Sighting[] = []
    let read = 0
    for (const file of new Set(walked.flatMap(({ files }) => files))) {
      try {
        found.push(...(await sightings(file, detect)))
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
    const said = [table(found, ['file', 'line', 'rule', 'service'], 'no secrets found'), ...failed.map(remarkLine)]
    said.push(`${read} files read${passed > 0 ? `, ${passed} that are no text passed over` : ''}`)
    const code = failed.length > 0 ? exitCode.partly : found.length > 0 ? exitCode.refused : exitCode.ok
    return { json: { found, remarks, read }, text: said.join('\n'), code }
  },
}

async function sightings(file: string, detect: Detect): Promise<Sighting[]> {
  const { path, text } = readSource(file)
  const detected = await detect(text, path)
  return detected
    .map(({ rule, service, at }) => ({ file, line: lineAt(text, at), rule, service: service ?? '-' }))
    .sort((a, b) => a.line - b.line)
}

export function scanCommand(program: Command, session: Session): void {
  addVerb(program, session, scan)
}
