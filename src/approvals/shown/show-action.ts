/**
 * What a human sees before a yes: made of the canonical action and its body alone, by rules that stand here (THREATS
 * G-01, K-06; contract hole CG-08). Facts first; the agent's own words are quoted and capped, and come last. Pure.
 */
import { createHash } from 'node:crypto'
import type { Action, CallAction, StatedAction } from '../action.ts'
import { isOfWhatIsShown } from '../stated/stated-action.ts'
import { allowsOf } from './allows.ts'
import { type DecodedBody, decodeBody } from './body/decode-body.ts'
import { showBody } from './body/show-body.ts'
import { plainFact } from './fact.ts'
import { factsOfAction, queryOf, type Standing } from './facts-of.ts'
import { placeOf, warnOfHost } from './host-warnings.ts'
import { previewOf } from './previews/preview-of.ts'
import type { Fact, Quoted, Shown, Warn } from './shown.ts'
import { counted, runsRightToLeft, visibleLine, visibleLines } from './visible.ts'

export interface ToShow {
  readonly action: Action
  /** Of a call that has one; where it is not given, or another than the action says, that is said. */
  readonly body?: Buffer | undefined
  /** Of the body; `content-type` of the action's headers unless told. */
  readonly contentType?: string | undefined
  readonly standing: Standing
  /** More of the agent's own words, by what they answer. */
  readonly said?: readonly { readonly name: string; readonly text: string }[] | undefined
  /** It was answered, or nobody did: its body is not kept any more, which is nothing to look at twice. */
  readonly isOver?: boolean | undefined
  /** Milliseconds since 1970. */
  readonly now: number
}

const saidLimits = { characters: 1_000, lines: 20, perLine: 300 }

export function shownAction(input: ToShow): Shown {
  const { action, standing, now } = input
  const warnings: string[] = []
  const warn: Warn = (warning) => {
    if (!warnings.includes(warning)) warnings.push(warning)
  }
  if (action.kind === 'call') warnOfCall(action, warn)
  if (action.kind === 'window') warnOfHost(action.origin, warn)
  if (action.kind === 'stated' && !isOfWhatIsShown(action)) {
    warn('The payload hash is the agent’s own: what it is of is not shown here, and may be anything.')
  }
  const facts = [...factsOfAction(action, standing, warn), ...bodyGone(input)]
  const body = bodyOf(input, warn)
  const shown = body === undefined ? undefined : showBody(body)
  const preview = action.kind === 'call' ? previewOf({ ...placed(action), body }, warn) : undefined
  if (shown?.cut !== undefined) warn('Not all of the body is drawn here. The whole is kept with the approval.')
  return {
    title: preview?.title ?? titleOf(action),
    facts,
    warnings,
    allows: allowsOf(action, now),
    ...(preview === undefined ? {} : { preview }),
    ...(shown === undefined ? {} : { body: shown }),
    said: saidBy(input),
  }
}

function warnOfCall(action: CallAction, warn: Warn): void {
  warnOfHost(action.origin, warn)
  const written = [action.path, ...queryOf(action.query).flatMap(({ name, value }) => [name, value])]
  if (written.map(decodedPath).some(runsRightToLeft)) {
    warn('Path or query are partly written from right to left: their order here is not the order they are sent in.')
  }
}

function decodedPath(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function placed(action: CallAction) {
  return { action, host: placeOf(action.origin).host, path: action.path, query: queryOf(action.query) }
}

/** The body that belongs to the action: never another one. */
function bodyOf(input: ToShow, warn: Warn): DecodedBody | undefined {
  const { action, body } = input
  if (action.kind === 'stated') return decodeBody(Buffer.from(statedBody(action)), 'application/json', undefined, warn)
  if (action.kind !== 'call' || action.body === undefined) return undefined
  if (body === undefined) {
    if (input.isOver === true) return undefined
    warn(`The body, ${counted(action.body.bytes)} bytes, is not at hand: what it says cannot be shown.`)
    return undefined
  }
  const isIt = body.length === action.body.bytes && hash(body) === action.body.sha256
  if (!isIt) {
    warn('The body that is kept is not the one that this action would send. It is not shown; say no.')
    return undefined
  }
  const field = (name: string) => {
    const values = action.headers.filter(([one]) => one === name).map(([, value]) => value)
    return values.length === 0 ? undefined : values.join(', ')
  }
  return decodeBody(body, input.contentType ?? field('content-type'), field('content-encoding'), warn)
}

/** Both texts as they stand in the action. */
function statedBody({ context, payload }: StatedAction): string {
  return payload === undefined ? context : `{"context":${context},"payload":${payload}}`
}

function hash(body: Buffer): string {
  return createHash('sha256').update(body).digest('hex')
}

function titleOf(action: Action): string {
  const line = (text: string, max = 120) => visibleLine(text, max)
  switch (action.kind) {
    case 'call':
      return `${line(action.method, 20)} ${line(placeOf(action.origin).host)}${line(action.path)}`
    case 'stated':
      return `${line(action.agent.name)} wants to do ${line(action.action)}`
    case 'window':
      return `Let ${line(action.agent.name)} use ${line(action.service.name)} without being asked`
  }
}

function bodyGone({ action, body, isOver = false }: ToShow): Fact[] {
  const isGone = isOver && body === undefined && action.kind === 'call' && action.body !== undefined
  return isGone ? [plainFact('body, drawn', 'no more: it is kept only while it is waited for')] : []
}

function saidBy({ action, said = [] }: ToShow): Quoted[] {
  const described =
    action.kind === 'stated' && action.description !== undefined && action.description !== ''
      ? [{ name: 'description', text: action.description }]
      : []
  return [...described, ...said].map(({ name, text }) => ({
    name: visibleLine(name, 100),
    ...visibleLines(text, saidLimits),
  }))
}
