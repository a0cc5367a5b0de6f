import { compileTemplate, type PathTemplate } from '../ground/path-template.ts'
import type { Target } from '../ground/target.ts'
import type { WordMap } from './word-map.ts'

interface Meaning {
  readonly methods: ReadonlySet<string>
  /** Undefined: every path that the service allows. */
  readonly paths: readonly PathTemplate[] | undefined
}

const READS = ['GET', 'HEAD']
const WRITES = [...READS, 'POST', 'PUT', 'PATCH']
const EVERYTHING = [...WRITES, 'DELETE', 'OPTIONS']

/** What the words of a door's labels mean where the operator said nothing else (clauth.md §5). */
const usual: Readonly<Record<string, readonly string[]>> = {
  write: WRITES,
  create: WRITES,
  update: WRITES,
  post: WRITES,
  send: WRITES,
  delete: [...READS, 'DELETE'],
  admin: EVERYTHING,
  '*': EVERYTHING,
}

const usualMeanings = new Map(Object.entries(usual).map(([word, methods]) => [word, [meaning(methods)]]))
/** `read`, `list`, `get`, and every word that nobody explained. */
const unexplained: readonly Meaning[] = [meaning(READS)]

/** Says what the words of labels mean on one service: methods, and paths where the operator named some. */
export class Words {
  readonly #own: ReadonlyMap<string, readonly Meaning[]>

  /** Throws Problem `template_invalid`. */
  constructor(map: WordMap | undefined) {
    this.#own = new Map(
      Object.entries(map ?? {}).map(([word, list]) => [word, list.map((one) => meaning(one.methods, one.paths))]),
    )
  }

  allow(word: string, method: string, target: Target): boolean {
    for (const { methods, paths } of this.#own.get(word) ?? usualMeanings.get(word) ?? unexplained) {
      if (methods.has(method) && (paths === undefined || paths.some((path) => path.matches(target)))) return true
    }
    return false
  }
}

function meaning(methods: readonly string[], paths?: readonly string[]): Meaning {
  return { methods: new Set(methods), paths: paths?.map(compileTemplate) }
}
