package vm

func init() { register(map[string]command{"cat": cat}) }

func cat(c *Call) int {
	_, names, err := flags(c.Args[1:], "n u v e t A b s", "")
	if err != nil {
		return c.failf(1, "%s", err)
	}
	return c.files(names, func(_ string, data []byte) { c.Stdout.Write(data) })
}
