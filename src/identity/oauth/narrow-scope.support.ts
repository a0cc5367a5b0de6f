// Random chains of scopes, and what they mean, counted out thing by thing.
import { Coverage } from '../../policy/scope.ts'
import { isWithin, narrowed, type Scopes } from './narrow-scope.ts'

/** Whole numbers in [0, below). */
export type Below = (below: number) => number

const services = ['s', 't', '*']
const words = ['a', 'b', 'read', '*']

/** Nothing that is asked for names these: only a `*` reaches them. */
const unnamed = 'z'
const concrete = ['a', 'b', 'read', unnamed]
const things = ['s', 't', unnamed].flatMap((service) => [
  ...concrete.map((action) => ({ service, action, required: [] as string[] })),
  ...concrete.flatMap((resource) =>
    concrete.map((verb) => ({ service, action: undefined, required: [`${service}:${resource}:${verb}`] })),
  ),
])

function randomScopes(below: Below): Scopes {
  if (below(8) === 0) return undefined
  const pick = (list: readonly string[]) => list[below(list.length)] as string
  return Array.from({ length: 1 + below(4) }, () =>
    [pick(services), ...Array.from({ length: 1 + below(2) }, () => pick(words))].join(':'),
  )
}

/** Names of the things that the policy lets these scopes do. */
function meaning(scopes: Scopes): Set<number> {
  const all = things.map((_, at) => at)
  if (scopes === undefined) return new Set([...all, -1]) // and more than we can name
  const coverages = new Map(['s', 't', unnamed].map((service) => [service, new Coverage(service, scopes)]))
  return new Set(all.filter((at) => coverages.get(things[at]!.service)!.covers(things[at]!)))
}

/** One chain of exchanges. Gives what is wrong with it, if anything is, and how many links were given and refused. */
export function tryChain(below: Below): { wrong?: string; given: number; refused: number } {
  let parent = randomScopes(below)
  let given = 0
  for (let link = 0; link < 1 + below(4); link++) {
    const wanted = randomScopes(below)
    const got = narrowed(wanted, parent)
    const has = meaning(parent)
    const within = [...meaning(wanted ?? parent)].every((thing) => has.has(thing))
    const what = `${wanted?.join(' ')} of ${parent?.join(' ')}`
    if (got === undefined) return within ? { wrong: `refused ${what}`, given, refused: 1 } : { given, refused: 1 }
    if (!within || !isWithin(got.scopes, parent)) return { wrong: `gave ${what}`, given, refused: 0 }
    parent = got.scopes
    given += 1
  }
  return { given, refused: 0 }
}
