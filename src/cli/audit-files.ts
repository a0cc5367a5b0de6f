// `claviger audit verify | fsck | follow | export`: they read the files of the log themselves, so that they need no gateway and
// believe none; but for `verify --unsealed`, which asks the gateway. Only `fsck --repair` writes, and takes the home's lock
// first.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import type { FsckReport } from '../audit/fsck.ts'
import { vkeyPath } from '../audit/log-paths.ts'
import type { NamedNote } from '../audit/verify.ts'
import { exportVerb } from './audit-export.ts'
import { verifyUnsealed } from './audit-unsealed.ts'
import { verdict } from './audit-verdict.ts'
import { cliProblem } from './problems.ts'
import { facts } from './render.ts'
import { readTextFile, unwritable } from './text-file.ts'
import { wholeNumber } from './values.ts'
import { addVerb, type Invocation, type OptionSpec, type Result, type Session, type Verb } from './verb.ts'

const place: readonly OptionSpec[] = [
  { flags: '--dir <folder>', about: 'a copy of a log; without it the log of this home' },
  { flags: '--node <id>', about: 'the log of this node, where the home holds several' },
]
const key: OptionSpec = {
  flags: '--key <vkey>',
  about:
    'the verifier key, or a file that holds it; without it the one beside the log, which is worth what that disk is worth',
}

const verify: Verb = {
  signature: 'verify',
  summary: 'check the whole log: form, chain, marks, tree, signatures, and that it grew from every note given',
  options: [
    ...place,
    {
      flags: '--checkpoint <file>',
      about: 'a note kept outside; may be repeated: only these find a log that was rewritten',
      many: true,
    },
    key,
    { flags: '--full', about: 'also every checkpoint published beside the log' },
    {
      flags: '--unsealed',
      about: 'let the running gateway check its own log: the macs too, with the keys of the open vault',
    },
    { flags: '--proof <file>', about: 'check only this proof of one record, as `audit prove` wrote it' },
  ],
  examples: [
    'claviger audit verify --checkpoint /mnt/usb/claviger.note',
    'claviger audit verify --unsealed',
    'claviger audit verify --proof record-17.proof --key log.vkey',
  ],
  async run(invocation) {
    const { options } = invocation
    if (options.proof !== undefined && options.unsealed !== true) return checkProof(invocation)
    const notes = [...(options.checkpoint ?? []).map((name: string) => note(name)), ...witness(invocation)]
    if (options.unsealed === true) return verifyUnsealed(invocation, notes, vkey(options.key))
    const { verifyLog } = await import('../audit/verify.ts')
    const json = await verifyLog({
      dir: logFolder(invocation),
      notes,
      vkey: vkey(options.key),
      full: options.full === true,
    })
    return { json, text: verdict(json, notes.length), code: json.exit }
  },
}

const fsck: Verb = {
  signature: 'fsck',
  summary: 'derive every tile and root again from the segments',
  options: [...place, { flags: '--repair', about: 'write missing and wrong tiles again; with the gateway stopped' }],
  async run(invocation) {
    const { fsckLog } = await import('../audit/fsck.ts')
    const dir = logFolder(invocation)
    if (invocation.options.repair !== true) return fsckResult(await fsckLog({ dir }))
    const { takeLock } = await import('../storage/lock.ts')
    const lock = takeLock(invocation.settings().home)
    try {
      return fsckResult(await fsckLog({ dir, repair: true }))
    } finally {
      lock.release()
    }
  },
}

const follow: Verb = {
  signature: 'follow',
  summary: 'an auditor’s memory: check that the log grew from what was seen before, and remember the newest checkpoint',
  options: [
    ...place,
    key,
    {
      flags: '--state <file>',
      about: 'where the newest checkpoint seen is kept; best on another disk',
      required: true,
    },
    { flags: '--every <seconds>', about: 'go on, with this many seconds between; ends at the first trouble' },
  ],
  async run(invocation) {
    const { options, terminal } = invocation
    const { followLog } = await import('../audit/follow.ts')
    const pause = options.every === undefined ? undefined : wholeNumber(options.every, '--every', 1, 86_400)
    const asked = { dir: logFolder(invocation), stateFile: options.state as string, vkey: vkey(options.key) }
    for (;;) {
      const json = await followLog(asked).catch((error) => {
        throw String(error?.path).startsWith(asked.stateFile) ? unwritable(asked.stateFile, error) : error
      })
      if (pause === undefined || json.exit !== 0) return { json, text: json.detail, code: json.exit }
      terminal.stdout.write(options.json === true ? `${JSON.stringify(json)}\n` : `${json.detail}\n`)
      await new Promise((resolve) => setTimeout(resolve, pause * 1_000))
    }
  },
}

export function auditFileCommands(audit: Command, session: Session): void {
  addVerb(audit, session, verify)
  addVerb(audit, session, fsck)
  addVerb(audit, session, follow)
  addVerb(audit, session, exportVerb(place, logFolder))
}

/** A proof needs nothing but the verifier key: that is its point. */
async function checkProof(invocation: Invocation): Promise<Result> {
  const { options } = invocation
  const { verifyProof } = await import('../audit/tlog-proof.ts')
  const key = vkey(options.key) ?? readTextFile(vkeyPath(logFolder(invocation)), 'verifier_key_missing')
  const json = verifyProof(readTextFile(options.proof, 'proof_missing'), key)
  return { json, text: [json.detail, ...(json.line === undefined ? [] : [json.line])].join('\n'), code: json.exit }
}

/** The folder of one node's log. Throws `log_missing` (exit 2). */
function logFolder({ options, settings }: Invocation): string {
  if (options.dir !== undefined) {
    if (existsSync(join(options.dir, 'seg'))) return options.dir
    throw cliProblem('log_missing', { detail: `${options.dir} holds no segments.` })
  }
  const above = join(settings().home, 'audit')
  const nodes = existsSync(above) ? readdirSync(above).filter((name) => existsSync(join(above, name, 'seg'))) : []
  const wanted = options.node ?? nodes[0]
  if (wanted === undefined || !nodes.includes(wanted))
    throw cliProblem('log_missing', { detail: `${above} holds no such log.` })
  if (options.node !== undefined || nodes.length === 1) return join(above, wanted)
  throw cliProblem('usage', {
    detail: `There are several logs here: ${nodes.join(', ')}.`,
    hint: 'Name one with --node.',
  })
}

function note(name: string): NamedNote {
  return { name, text: readTextFile(name, 'checkpoint_missing') }
}

/** What the gateway itself keeps outside the home counts as a note, when the settings at hand name it. */
function witness({ options, settings }: Invocation): NamedNote[] {
  const file = options.dir === undefined ? settings().witnessFile : undefined
  return file !== undefined && existsSync(file) ? [note(file)] : []
}

function vkey(option: string | undefined): string | undefined {
  if (option === undefined || /^[^\s+]+\+[0-9a-f]{8}\+/.test(option)) return option
  return readTextFile(option, 'verifier_key_missing').trim()
}

function fsckResult(json: FsckReport) {
  const { exit, records, root, tiles, missing, wrong, checkpoint, repaired } = json
  const words = ['the tiles agree with the log', 'the tiles or the root do NOT agree with the log', 'there is no log'][
    exit
  ]
  const text = facts({ verdict: words, records, root, tiles, missing: missing.length, wrong, checkpoint, repaired })
  return { json, text, code: exit }
}
