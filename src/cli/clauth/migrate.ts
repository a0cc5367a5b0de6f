// `clauth migrate`: the importer for OpenClaw, in the shape of Clauth's answers.
import { homedir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { journalFolder } from '../import/journal.ts'
import { importOpenClaw } from '../import/openclaw.ts'
import { cliProblem } from '../problems.ts'
import type { ClauthVerb } from './clauth-verb.ts'

interface Imported {
  readonly journal?: string
  readonly secrets: readonly { file: string; place: string; service: string; action: string; handle?: string }[]
}

export const migrate: ClauthVerb = {
  about: '[--from PATH] [--write]',
  flags: { from: 'text', write: 'either' },
  async run(flags, invocation) {
    const home = invocation.terminal.env.HOME ?? homedir()
    const fromPath = resolve(flags.text('from') ?? join(home, '.openclaw', 'openclaw.json'))
    if (!/^(openclaw|clawdbot)\.json$/.test(basename(fromPath))) {
      throw cliProblem('usage', { detail: '--from: an openclaw.json is wanted.' })
    }
    const write = flags.is('write')
    const told = await importOpenClaw.run({ ...invocation, args: [dirname(fromPath)], options: { write } })
    if (typeof told === 'number') return { code: told }
    const { journal, secrets } = told.json as Imported
    const code = told.code ?? 0
    const taken = secrets.filter(({ handle, action }) => handle !== undefined && !action.startsWith('stays'))
    const replaced = taken.length
    if (replaced === 0) return { json: { replaced, message: 'No plaintext secrets found.' }, code }
    if (!write) {
      const sample = taken
        .slice(0, 10)
        .map(({ place, handle, service }) => ({ path: place, handle, provider: service }))
      const next = 'Run again with --write to store the secrets and put references in their places.'
      return { json: { replaced, dryRun: true, fromPath, sample, next }, code }
    }
    const { home: ours } = invocation.settings()
    const backupPath = journal === undefined ? null : join(journalFolder(ours), `${journal}.journal`)
    return { json: { replaced, fromPath, backupPath }, code }
  },
}
