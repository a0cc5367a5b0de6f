/** What is not drawn, or changes the order in which the rest is, and therefore stands here by its number. */
const HIDDEN = /\p{C}|\p{Zl}|\p{Zp}|\p{Default_Ignorable_Code_Point}/gu

/** Names and words from outside, with nothing hidden in them (THREATS K-06). */
export function visible(text: string): string {
  return text.replace(
    HIDDEN,
    (one) => `⟨U+${(one.codePointAt(0) as number).toString(16).toUpperCase().padStart(4, '0')}⟩`,
  )
}
