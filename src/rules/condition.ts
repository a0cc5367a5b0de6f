/**
 * Conditions of rules, in CEL (cel.dev): parsed, looked through and planned once, when the rule is put. Loaded when there
 * is a rule that has one.
 */
import { celError, isCelError, parse, plan } from '@bufbuild/cel'
import { BOUNDED, env, metered } from './condition-cost.ts'
import { type ConditionFacts, FACTS, type Fact } from './condition-facts.ts'
import { MAX_CONDITION, ruleProblem, type Tri } from './contract.ts'
import { Pattern } from './pattern.ts'

type Expr = ReturnType<typeof parse>['expr']
type Part<C extends string> = Extract<Expr['exprKind'], { case: C }>['value']

const facts: ReadonlySet<string> = new Set(FACTS)
const types = new Set(['bool', 'bytes', 'double', 'int', 'list', 'map', 'null_type', 'string', 'type', 'uint'])

const MAX_NODES = 400
const MAX_DEPTH = 48
/** Macros inside of macros. */
const MAX_NESTED = 3

export interface Condition {
  readonly usesBody: boolean
  /** What stands for a fact that is not known. */
  readonly missing: unknown
  evaluate(call: ConditionFacts): Tri
}

const missing = celError('not known')

/** Throws Problem `rule_condition_invalid`. */
export function compileCondition(text: string): Condition {
  if (text.length > MAX_CONDITION) throw wrong(`It is longer than ${MAX_CONDITION} characters.`)
  let expr: Expr
  try {
    ;({ expr } = parse(text))
  } catch {
    throw wrong('It cannot be parsed.')
  }
  const inspection = new Inspection()
  inspection.look(expr, 0, 0, [])
  let run: ReturnType<typeof plan>
  try {
    run = plan(env, expr)
  } catch {
    throw wrong('It cannot be planned.')
  }
  const evaluate = run as (bindings: object) => unknown
  return {
    usesBody: inspection.used.has('body'),
    missing,
    evaluate: (call) => {
      const { given, over } = metered(call.values, inspection.patterns, () => evaluate(call.bindings))
      if (over || isCelError(given)) return 'unknown'
      if (given === true) return 'yes'
      return given === false ? 'no' : 'unknown'
    },
  }
}

function wrong(detail: string) {
  return ruleProblem('rule_condition_invalid', { detail })
}

/** Looks through a parsed condition: bounds, names, patterns; and puts the range of every macro under the meter. */
class Inspection {
  readonly used = new Set<Fact>()
  readonly patterns = new Map<string, Pattern>()
  #nodes = 0

  look(expr: Expr | undefined, depth: number, nested: number, own: readonly string[]): void {
    if (expr === undefined) return
    this.#nodes += 1
    if (this.#nodes > MAX_NODES || depth > MAX_DEPTH) throw wrong('It is too large.')
    const next = (inner: Expr | undefined) => this.look(inner, depth + 1, nested, own)
    const { exprKind } = expr
    if (exprKind.case === 'identExpr') this.#name(exprKind.value.name, own)
    else if (exprKind.case === 'selectExpr') next(exprKind.value.operand)
    else if (exprKind.case === 'listExpr') exprKind.value.elements.forEach(next)
    else if (exprKind.case === 'callExpr') this.#call(exprKind.value, next)
    else if (exprKind.case === 'structExpr') this.#map(exprKind.value, next)
    else if (exprKind.case === 'comprehensionExpr') this.#macro(exprKind.value, depth, nested, own)
    else if (exprKind.case !== 'constExpr') throw wrong('It cannot be parsed.')
  }

  #map({ messageName, entries }: Part<'structExpr'>, next: (inner: Expr | undefined) => void): void {
    if (messageName !== '') throw wrong('It makes a message; there are none here.')
    for (const { keyKind, value } of entries) {
      if (keyKind.case === 'mapKey') next(keyKind.value)
      next(value)
    }
  }

  #name(name: string, own: readonly string[]): void {
    const plain = name.replace(/^\./, '')
    if (own.includes(plain) || types.has(plain)) return
    if (!facts.has(plain)) {
      throw ruleProblem('rule_condition_invalid', {
        detail: `There is no fact '${plain.slice(0, 64)}'.`,
        hint: `There are: ${FACTS.join(', ')}.`,
      })
    }
    this.used.add(plain as Fact)
  }

  #call(call: Part<'callExpr'>, next: (inner: Expr | undefined) => void): void {
    const known = SPECIAL.has(call.function) || env.funcs.find(call.function) !== undefined
    if (!known) throw wrong(`There is no function '${call.function.slice(0, 64)}'.`)
    if (call.function === 'matches') this.#pattern(call.args.at(-1))
    next(call.target)
    call.args.forEach(next)
  }

  /** A pattern is written out: nobody else chooses it. */
  #pattern(pattern: Expr | undefined): void {
    const constant = pattern?.exprKind.case === 'constExpr' ? pattern.exprKind.value.constantKind : undefined
    if (constant?.case !== 'stringValue') throw wrong('The pattern of matches() must be written out as text.')
    try {
      this.patterns.set(constant.value, new Pattern(constant.value))
    } catch (error) {
      if (!(error instanceof TypeError)) throw error
      throw wrong(`A pattern of matches() is refused: ${error.message}.`)
    }
  }

  #macro(macro: Part<'comprehensionExpr'>, depth: number, nested: number, own: readonly string[]): void {
    if (nested >= MAX_NESTED) throw wrong('Its macros are nested too deeply.')
    const { iterRange, accuInit, loopCondition, loopStep, result, iterVar, iterVar2, accuVar } = macro
    this.look(iterRange, depth + 1, nested, own)
    const inside = [...own, iterVar, iterVar2, accuVar]
    for (const part of [accuInit, loopCondition, loopStep, result]) this.look(part, depth + 1, nested + 1, inside)
    if (iterRange !== undefined) macro.iterRange = underTheMeter(iterRange)
  }
}

/** What the planner carries out itself. */
const SPECIAL = new Set(['_&&_', '_||_', '_?_:_', '_[_]', '@not_strictly_false'])

function underTheMeter(range: Expr): Expr {
  const call = { $typeName: 'cel.expr.Expr.Call', function: BOUNDED, args: [range] }
  return { $typeName: 'cel.expr.Expr', id: range.id, exprKind: { case: 'callExpr', value: call } } as Expr
}
