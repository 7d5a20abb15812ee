"""The yardsticks of ltisys: each a module that measures one thing against its peers and a goal."""
