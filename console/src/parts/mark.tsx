export function Mark() {
  return (
    <svg className="mark" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <circle cx="12" cy="7.5" r="4" />
      <path d="M12 11.5V21M12 21h4M12 17.5h3" />
    </svg>
  )
}
