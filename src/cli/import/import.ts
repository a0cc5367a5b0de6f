// `claviger import …`: secrets out of files, into the vault, with references in their place; and back.
import { homedir } from 'node:os'
import type { Command } from 'commander'
import { systemClock } from '../../ground/clock.ts'
import { table } from '../render.ts'
import { addVerb, type Session, type Verb } from '../verb.ts'
import { importBotMaker } from './botmaker.ts'
import { importClauth } from './clauth.ts'
import { findInDotfiles } from './dotfiles.ts'
import { awsLines } from './find-in-aws.ts'
import { findInEnv } from './find-in-env.ts'
import type { Findings } from './found.ts'
import { journalIds, readJournal } from './journal.ts'
import { importOpenClaw } from './openclaw.ts'
import { readEach } from './read-each.ts'
import { importOptions, runImport } from './run-import.ts'
import { journalState, newestJournal, saveOriginals, undoImport } from './undo.ts'
import { importVault } from './vault.ts'

const env: Verb = {
  signature: 'env <files...>',
  summary: 'take the secrets out of files of NAME=value lines; each line becomes a comment that says where it went',
  options: importOptions,
  examples: [
    'claviger import env .env                                 # says what it would do',
    'claviger import env .env --write',
    'claviger import env .env --service BILLING_KEY=tickets --write',
  ],
  run: (invocation) =>
    runImport(invocation, {
      what: 'env',
      async find(detect, { names }): Promise<Findings> {
        const { sources, remarks } = readEach(invocation.args as string[], { wanted: true })
        const each = await Promise.all(sources.map((source) => findInEnv(source, detect, names)))
        return {
          found: each.flatMap(({ found }) => found),
          remarks: [...remarks, ...each.flatMap((findings) => findings.remarks)],
        }
      },
    }),
}

const dotfiles: Verb = {
  signature: 'dotfiles [home]',
  summary: 'take the secrets out of the files of gh, npm, netrc, aws and docker; your own home if none is named',
  options: importOptions,
  examples: ['claviger import dotfiles', 'claviger import dotfiles --write'],
  run: (invocation) =>
    runImport(invocation, {
      what: 'dotfiles',
      find: (_, around) => findInDotfiles(invocation.args[0] ?? invocation.terminal.env.HOME ?? homedir(), around),
      after: ({ steps }) => awsLines(steps),
    }),
}

const undo: Verb = {
  signature: 'undo [journal]',
  summary: 'put back what an import took out of files, byte for byte; the newest one if none is named',
  options: [
    { flags: '--remove', about: 'take what it stored out of the vault, too' },
    { flags: '--to <folder>', about: 'put the files into this new folder instead, in the clear, and change nothing' },
  ],
  examples: ['claviger import undo', 'claviger import undo imp_20261121T101500042Z_4fK2aQ --remove'],
  async run({ args: [named], options, operator, settings }) {
    const { home } = settings()
    const id = named ?? newestJournal(home)
    if (options.to !== undefined) {
      const saved = await saveOriginals(id, options.to, { home, client: operator() })
      return { json: { journal: id, saved }, text: saved.join('\n') }
    }
    const json = await undoImport(id, { home, client: operator(), clock: systemClock, remove: options.remove === true })
    const lines = [
      ...json.restored.map((path) => `put back: ${path}`),
      ...json.untouched.map((path) => `is as it was: ${path}`),
      ...json.removed.map((handle) => `removed from the vault: ${handle}`),
      ...(json.kept.length > 0 ? [`still in the vault: ${json.kept.join(', ')}`] : []),
    ]
    return { json, text: lines.length > 0 ? lines.join('\n') : 'nothing to put back' }
  },
}

const list: Verb = {
  signature: 'list',
  summary: 'list the imports of this home',
  aliases: ['journals'],
  async run({ settings }) {
    const { home } = settings()
    const items = journalIds(home).map((journal) => {
      const state = journalState(home, journal)
      if (state === 'damaged') return { journal, state }
      const { head, lines } = readJournal(home, journal)
      return {
        journal,
        at: head.at,
        what: head.what,
        state,
        files: lines.flatMap((line) => ('file' in line ? [line.file] : [])),
      }
    })
    return { json: { items }, text: table(items, ['journal', 'at', 'what', 'state', 'files'], 'no imports') }
  },
}

/** `claviger import env | dotfiles | openclaw | clauth | vault | botmaker | undo | list`. */
export function importCommands(program: Command, session: Session): void {
  const command = program.command('import').description('take secrets out of files that hold them in the clear')
  for (const verb of [env, dotfiles, importOpenClaw, importClauth, importVault, importBotMaker, undo, list])
    addVerb(command, session, verb)
}
