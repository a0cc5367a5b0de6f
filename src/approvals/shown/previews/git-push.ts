/**
 * `git push` over HTTP: which refs move and how, and of the pack, as far as it says: commits, files, and what it writes
 * into objects that only the server has whole. Whether history is rewritten cannot be known unless the pack itself leads
 * from the new commit back to the old one; where it does not, that is said.
 */

import { fact, plainFact } from '../fact.ts'
import { readCommit, readTag } from '../git/objects.ts'
import { type Pack, readPack } from '../git/read-pack.ts'
import { type ReceivePackRequest, type RefCommand, readReceivePack } from '../git/receive-pack.ts'
import type { Fact, Preview, Warn } from '../shown.ts'
import { plural, visibleLine } from '../visible.ts'
import { type PushedCommit, quoteCommits, quoteForeign } from './pushed-commits.ts'
import type { PreviewRequest } from './request.ts'

const MAX_REFS = 100
const MAX_WALK = 20_000
const NOTHING = /^0+$/

export function previewGitPush(request: PreviewRequest, warn: Warn): Preview | undefined {
  const [, repo] = /^\/(.+?)\/?git-receive-pack$/.exec(request.path) ?? []
  if (repo === undefined || request.action.method !== 'POST') return undefined
  const push = request.body === undefined ? undefined : readReceivePack(request.body.bytes)
  if (push === undefined) {
    warn('This is a git push that could not be read.')
    return undefined
  }
  const pack = push.pack.length === 0 ? undefined : readPack(push.pack, push.hash)
  if (pack?.trouble !== undefined) warn(`The pack of the push could not be read to its end: ${pack.trouble}.`)
  const history = new History(pack)
  const refs = push.commands.map((command) => describe(command, history, warn))
  const where = `${request.host}/${visibleLine(repo, 200)}`
  return {
    of: 'git push',
    title: `Push to ${where}: ${refs.length === 1 ? refs[0]!.title : plural(refs.length, 'ref')}`,
    facts: [...refsShown(refs), ...packFacts(push, pack, history)],
    texts: pack === undefined ? [] : [...quoteCommits(history.commits(), pack, push.hash, warn), ...quoteForeign(pack)],
  }
}

interface RefShown {
  readonly title: string
  readonly fact: Fact
}

function refsShown(refs: readonly RefShown[]): Fact[] {
  const shown = refs.slice(0, MAX_REFS).map((ref) => ref.fact)
  return refs.length > MAX_REFS ? [...shown, plainFact('refs', `… and ${refs.length - MAX_REFS} more`)] : shown
}

function describe(command: RefCommand, history: History, warn: Warn): RefShown {
  const name = visibleLine(command.ref, 200)
  const how = (does: string, says: string): RefShown => ({
    title: `${does} ${name}`,
    fact: { name, value: `${does}: ${says}`, kind: 'plain' },
  })
  if (NOTHING.test(command.new)) {
    warn(`The push deletes ${name}.`)
    return how('delete', `was ${command.old}`)
  }
  if (NOTHING.test(command.old)) {
    history.from(command.new, undefined)
    return how('create', `at ${command.new}`)
  }
  const isAbove = history.from(command.new, command.old)
  if (!isAbove)
    warn(`The push may rewrite the history of ${name}: nothing in it leads from the new commit to the old one.`)
  return how(isAbove ? 'move' : 'move, may rewrite history', `from ${command.old} to ${command.new}`)
}

function packFacts(push: ReceivePackRequest, pack: Pack | undefined, history: History): Fact[] {
  const foreign = pack?.foreign.length ?? 0
  const loose = history.loose()
  return [
    pack === undefined
      ? plainFact('pack', 'none: nothing new is sent')
      : plainFact('pack', `${plural(push.pack.length, 'byte')}, ${plural(pack.read, 'object')} read of ${pack.count}`),
    foreign === 0
      ? undefined
      : plainFact(
          'changes of what the server has',
          `${plural(foreign, 'object')}: what they become cannot be seen here`,
        ),
    loose === 0 ? undefined : plainFact('commits that no ref of the push leads to', String(loose)),
    push.signed ? plainFact('signed', 'with a push certificate, which is not checked here') : undefined,
    push.capabilities.includes('atomic') ? plainFact('atomic', 'all refs or none') : undefined,
    ...push.options.map((option) => fact('push option', option)),
  ].filter((one) => one !== undefined)
}

/** The commits of the pack that the refs lead to, each once, newest first as they are come upon. */
class History {
  readonly #pack: Pack | undefined
  readonly #reached = new Map<string, PushedCommit>()
  #steps = MAX_WALK

  constructor(pack: Pack | undefined) {
    this.#pack = pack
  }

  /** Goes from a commit to its parents. True where that leads to `old`. */
  from(start: string, old: string | undefined): boolean {
    const seen = new Set<string>()
    const queue = [start]
    let leads = false
    for (let at = 0; at < queue.length && this.#steps > 0; at++, this.#steps--) {
      const id = queue[at]!
      if (seen.has(id)) continue
      seen.add(id)
      if (id === old) {
        leads = true
        continue
      }
      queue.push(...this.#next(id))
    }
    return leads
  }

  #next(id: string): readonly string[] {
    const object = this.#pack?.objects.get(id)
    if (object?.type === 'tag') {
      const tag = readTag(object.bytes)
      return tag === undefined ? [] : [tag.object]
    }
    const known = this.#reached.get(id)?.commit ?? (object?.type === 'commit' ? readCommit(object.bytes) : undefined)
    if (known === undefined) return []
    this.#reached.set(id, { id, commit: known })
    return known.parents
  }

  commits(): PushedCommit[] {
    return [...this.#reached.values()]
  }

  /** How many commits of the pack were not reached. */
  loose(): number {
    let commits = 0
    for (const { type } of this.#pack?.objects.values() ?? []) if (type === 'commit') commits++
    return commits - this.#reached.size
  }
}
