// What an import says: places, handles and reasons, never a secret. One shape for people and for programs.
import { table } from '../render.ts'
import { type Unasked, unaskedMember } from './ask-gateway.ts'
import type { Done } from './carry-out.ts'
import type { Found, Remark } from './found.ts'
import { type Step, staysWhy } from './plan.ts'

interface ShownPlace {
  readonly file: string
  readonly line: number
  readonly place: string
  readonly service: string
  readonly action: string
  readonly handle?: string | undefined
  readonly why?: string | undefined
  readonly rule?: string | undefined
  readonly verified?: string | undefined
}

const LATER = { store: 'would be stored', known: 'is stored already', leave: 'stays' } as const
const NOW = { store: 'stored', known: 'was stored already', leave: 'stays' } as const

export interface Told {
  readonly steps: readonly Step[]
  readonly remarks: readonly Remark[]
  readonly done?: Done | undefined
  /** Lines for people: what to do next. */
  readonly next: readonly string[]
  readonly unasked?: Unasked | undefined
}

export function jsonOf({ steps, remarks, done, next, unasked }: Told): object {
  return {
    dryRun: done === undefined,
    ...unaskedMember(unasked),
    ...(done && { journal: done.journal, replaced: done.replaced }),
    secrets: steps.flatMap((step) => step.places.map((found) => shown(step, found, done !== undefined))),
    remarks,
    next,
  }
}

export function textOf(told: Told): string {
  const { steps, remarks, done, next } = told
  const rows = steps.flatMap((step) => step.places.map((found) => shown(step, found, done !== undefined)))
  const parts = [
    table(
      rows.map(({ file, line, ...rest }) => ({ ...rest, where: `${file}:${line}` })),
      ['where', 'place', 'service', 'action', 'handle', 'verified', 'why'],
      'no secrets found',
    ),
    ...(remarks.length > 0 ? [remarks.map(remarkLine).join('\n')] : []),
    ...(next.length > 0 ? [next.join('\n')] : []),
  ]
  return parts.join('\n\n')
}

function shown(step: Step, found: Found, now: boolean): ShownPlace {
  const { action, handle } = step
  const stays = action === 'leave' ? step.why : (staysWhy(found) ?? found.keeps)
  const said = (now ? NOW : LATER)[action]
  return {
    file: found.source.path,
    line: found.line,
    place: found.place,
    service: serviceOf(step, now),
    action: stays !== undefined && action !== 'leave' ? `${said}, stays in the file` : said,
    handle,
    why: stays,
    rule: found.rule,
    verified: step.verified,
  }
}

/** One that is made for an address that a file names says which. */
function serviceOf({ action, service, template, makes }: Step, now: boolean): string {
  const word = now ? 'made' : 'new'
  if (action !== 'store' || (template === undefined && makes === undefined)) return service
  return makes === undefined ? `${service} (${word})` : `${service} (${word}, at ${makes.origins[0]})`
}

export function remarkLine({ file, line, place, why }: Remark): string {
  return `${file}${line === undefined ? '' : `:${line}`}${place === undefined ? '' : ` ${place}`}: ${why}`
}
