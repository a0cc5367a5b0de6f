// What the rules room's endpoints need of the other rooms.
import { actorOf, type Who } from '../callers.ts'
import { denialProblem } from '../gate/denials.ts'
import type { AgentId, ServiceId } from '../ground/ids.ts'
import { targetOf } from '../ground/target-of.ts'
import type { Rooms } from '../rooms.ts'
import type { RuleDefinition, RuleId } from '../rules/contract.ts'
import { DryRun, type DryRunReport, type KnownService, type RecordedCall } from '../rules/dry-run.ts'
import type { ExplainAsked, ExplainReply, RuleRouteNeeds } from '../rules/routes.ts'
import type { Service } from '../services/contract.ts'

const DAY_MS = 86_400_000
const PAGE = 1_000
/** Calls of the log that one dry run looks at: a second or two. */
const MOST_CALLS = 20_000

export function ruleNeeds(rooms: Rooms): RuleRouteNeeds<Who> {
  const { rules, identity, services } = rooms
  return {
    rules,
    actorOf,
    agentOf: (nameOrId) => identity.requireAgent(nameOrId).id,
    agentName: (id) => identity.findAgent(id)?.name,
    serviceOf: (nameOrId) => services.find(nameOrId).id,
    serviceName: (id) => services.byId(id)?.name,
    dryRun: (definition, days) => dryRun(rooms, definition, days),
    explain: (asked) => explain(rooms, asked),
  }
}

async function dryRun(rooms: Rooms, definition: RuleDefinition, days: number): Promise<DryRunReport> {
  const { rules, clock, services, identity } = rooms
  const to = clock.now()
  const from = to - days * DAY_MS
  const record = { id: 'rul_candidate' as RuleId, version: 0, definition, createdAt: to, updatedAt: to }
  const run = new DryRun(await rules.compile(record), (name) => knownService(services.byName(name)))
  let taken = 0
  let complete = true
  for await (const call of recordedCalls(rooms, from)) {
    if (taken === MOST_CALLS) {
      complete = false
      break
    }
    run.take(call)
    taken += 1
  }
  const report = run.report(from, to, complete)
  const named = (agent: string) => identity.findAgent(agent as AgentId)?.name ?? agent
  return { ...report, examples: report.examples.map((one) => ({ ...one, agent: named(one.agent) })) }
}

function knownService(service: Service | undefined): KnownService | undefined {
  if (service === undefined) return undefined
  const hasQueryActions = Object.values(service.view.actions).some(({ query }) => query !== undefined)
  return { id: service.id, hasQueryActions, resolve: (method, target) => service.resolve(method, target) }
}

/** Calls that were sent, the newest first. */
async function* recordedCalls({ audit }: Rooms, from: number): AsyncGenerator<RecordedCall> {
  let before: number | undefined
  for (;;) {
    const wanted = { type: 'intent', from, ...(before !== undefined && { before }) }
    const page = (await audit.index?.find(wanted, PAGE))?.records ?? []
    for (const record of page) {
      const call = callOf(record)
      if (call !== undefined) yield call
    }
    before = page.at(-1)?.seq
    if (page.length < PAGE || before === undefined) return
  }
}

interface Intent {
  readonly rid?: string
  readonly ts?: number
  readonly actor?: { readonly id?: string }
  readonly req?: {
    readonly service?: string
    readonly method?: string
    readonly path?: string
    readonly query?: string
  }
}

function callOf(record: object): RecordedCall | undefined {
  const { rid, ts, actor, req } = record as Intent
  const { service, method, path, query } = req ?? {}
  if (rid === undefined || ts === undefined || actor?.id === undefined) return undefined
  if (service === undefined || method === undefined || path === undefined) return undefined
  return { rid, at: ts, agent: actor.id as AgentId, service, method, path, query }
}

function explain({ rules, identity, services, clock }: Rooms, asked: ExplainAsked): ExplainReply {
  const agent = identity.requireAgent(asked.agent)
  const service = services.find(asked.service)
  const method = asked.method.toUpperCase()
  const target = targetOf(asked)
  const resolution = service.resolve(method, target)
  if (resolution === undefined) throw denialProblem('target_not_allowed')
  const { body } = asked
  const question = {
    now: clock.now(),
    agent: { id: agent.id, name: agent.name },
    service: { id: service.id as ServiceId, name: service.name },
    ...{ resolution, method, target, findings: [] },
    contents: body === undefined ? undefined : { body: Buffer.from(JSON.stringify(body)) },
  }
  const verdict = rules.judge(question)
  const terms = verdict === 'needs_body' ? undefined : verdict.terms
  return {
    effect: verdict === 'needs_body' ? verdict : verdict.effect,
    default: rules.byDefault,
    ...(terms && { terms }),
    rules: rules.explain(question).map(({ rule: { id, version, definition }, match, parts }) => ({
      ...{ id, version, name: definition.name, effect: definition.effect, about: match, parts },
    })),
  }
}
