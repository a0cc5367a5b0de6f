// F-06. Chains of token exchanges with random scopes: what a child may do is within what its parent may, as the policy sees it.
import { tryChain } from '../../src/identity/oauth/narrow-scope.support.ts'
import { seeded } from '../../test/generators/seeded.ts'
import { Figures } from '../figures.ts'

export async function scopeChains({ chains, seed }: { chains: number; seed: number }): Promise<Figures> {
  const figures = new Figures('F-06 scope chains')
  const { below } = seeded(seed)
  let refused = 0
  for (let n = 0; n < chains; n++) {
    const chain = tryChain(below)
    if (chain.wrong !== undefined) figures.wrong.push(chain.wrong)
    figures.load += chain.given
    refused += chain.refused
  }
  figures.inputs = chains
  figures.notes.push(`${figures.load} exchanges given, ${refused} refused`)
  return figures
}
