"""Token: văn bản thành gì trong bộ tách token, và mô hình viết được những gì."""

SENTENCES = {
    "target_positions": "{name} chỉ có vị trí cho {most:,} token khi viết, còn task.max_target_length là {asked:,}; hãy đặt task.max_target_length={most}",
}
